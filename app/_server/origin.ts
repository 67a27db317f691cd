import { AppError } from '#lib/domain/errors.ts';

/**
 * Cross-site request forgery: a browser sends the session cookie along with requests that other sites start. Calls that
 * change something and rest on the cookie must show where they come from. Calls with an API key need not: no browser adds
 * that header by itself.
 *
 * `Sec-Fetch-Site` cannot be set by a page. Where a client sends none, its `Origin` must be ours: the public address, or the
 * very host that it asked.
 * @throws AppError `origin.foreign`
 */
export function requireSameOrigin(request: Request, publicUrl: string): void {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return;
  const site = request.headers.get('sec-fetch-site');
  if (site === 'same-origin') return;
  const origin = request.headers.get('origin');
  if (site === null && origin !== null && isOurs(origin, request, publicUrl)) return;
  throw new AppError({
    code: 'origin.foreign',
    message: `request from origin ${origin ?? 'unknown'} (Sec-Fetch-Site: ${site ?? 'none sent'}); expected ${publicUrl}, see LOREHOUSE_PUBLIC_URL`,
    userMessage: 'This request comes from another site and was refused.',
  });
}

function isOurs(origin: string, request: Request, publicUrl: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  if (origin === new URL(publicUrl).origin) return true;
  return (protocol === 'http:' || protocol === 'https:') && host === request.headers.get('host');
}

/**
 * Where to go after sign-in: a path of ours, or `/`. Addresses of other sites, in all the forms that browsers take for one
 * (`//host`, `/\host`, control characters), are dropped.
 */
export function sanitizeNextPath(next: string | null | undefined): string {
  if (next === null || next === undefined || !/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(next)) return '/';
  const base = 'http://lorehouse.invalid';
  if (!URL.canParse(next, base)) return '/';
  const url = new URL(next, base);
  if (url.origin !== base || url.pathname.startsWith('//')) return '/';
  return url.pathname + url.search + url.hash;
}
