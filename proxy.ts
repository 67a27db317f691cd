import { randomBytes } from 'node:crypto';
import { type NextRequest, NextResponse } from 'next/server';
import { buildContentSecurityPolicy } from '#app/_server/security-headers.ts';

/** Bytes of a nonce; the content security policy standard asks for 128 bits or more. */
const NONCE_BYTES = 16;

/**
 * Gives every page a content security policy with a nonce of its own. Next reads the nonce from the request's policy and puts
 * it on its scripts; `x-nonce` is for the theme script of ours. Decides nothing about access.
 */
export function proxy(request: NextRequest): NextResponse {
  // Next writes this constant into the bundle at build time; it is no setting.
  const isDevelopment = process.env.NODE_ENV === 'development';
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  const policy = buildContentSecurityPolicy(nonce, isDevelopment);
  const headers = new Headers(request.headers);
  headers.set('x-nonce', nonce);
  headers.set('Content-Security-Policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('Content-Security-Policy', policy);
  return response;
}

export const config = {
  // Pages only: answers of the API and built files carry no markup that a browser runs.
  matcher: ['/((?!api/|_next/static|_next/image).*)'],
};
