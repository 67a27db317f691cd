/**
 * What browsers are told to refuse, on top of what the pages do themselves. No check of ours rests on it: routes, actions and
 * pages decide access without the proxy.
 */

/** Sent with every response, files and streams included. */
export const constantSecurityHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()',
};

/**
 * The policy of a page. Scripts run by the nonce of this one response; nothing is loaded from or sent to another site, so text
 * that a model or a document wrote can carry nothing out.
 * @param nonce base64; new for every response
 * @param isDevelopment React's development build evaluates strings, and its reload speaks over a web socket
 */
export function buildContentSecurityPolicy(nonce: string, isDevelopment: boolean): string {
  const directives: Readonly<Record<string, readonly string[]>> = {
    'default-src': ["'none'"],
    'script-src': ["'self'", `'nonce-${nonce}'`, "'strict-dynamic'", ...(isDevelopment ? ["'unsafe-eval'"] : [])],
    // Components place and size things with style attributes, which a nonce cannot cover.
    'style-src': ["'self'", "'unsafe-inline'"],
    // blob: and data: are pages of a PDF drawn by the viewer.
    'img-src': ["'self'", 'data:', 'blob:'],
    'font-src': ["'self'", 'data:'],
    'connect-src': ["'self'", ...(isDevelopment ? ['ws:'] : [])],
    // The PDF viewer's parser.
    'worker-src': ["'self'", 'blob:'],
    'manifest-src': ["'self'"],
    'frame-src': ["'none'"],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}
