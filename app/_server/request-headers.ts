import { parseSetCookieHeader, toCookieOptions } from 'better-auth/cookies';
import { cookies, headers } from 'next/headers';

/** Headers of the request that a server action or page serves. Tests replace `next/headers` and nothing else. */
export async function currentHeaders(): Promise<Headers> {
  return new Headers(await headers());
}

/** Sends `Set-Cookie` values on from within a server action. */
export async function applyCookies(setCookies: readonly string[]): Promise<void> {
  const jar = await cookies();
  for (const setCookie of setCookies) {
    for (const [name, attributes] of parseSetCookieHeader(setCookie)) {
      const { maxAge, expires, path, secure, httpOnly, sameSite } = toCookieOptions(attributes);
      jar.set(name, attributes.value, {
        ...(maxAge === undefined ? {} : { maxAge }),
        ...(expires === undefined ? {} : { expires }),
        ...(path === undefined ? {} : { path }),
        ...(secure === undefined ? {} : { secure }),
        ...(httpOnly === undefined ? {} : { httpOnly }),
        ...(sameSite === undefined ? {} : { sameSite }),
      });
    }
  }
}
