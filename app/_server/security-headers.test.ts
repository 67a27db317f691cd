import { NextRequest } from 'next/server';
import { expect, it } from 'vitest';
import nextConfig from '../../next.config.ts';
import { proxy } from '../../proxy.ts';
import { buildContentSecurityPolicy, constantSecurityHeaders } from './security-headers.ts';

function readPolicy(policy: string): Map<string, string[]> {
  return new Map(
    policy.split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ');
      return [name, sources];
    }),
  );
}

it('lets a page load from itself alone, and run nothing inline but by nonce', () => {
  const policy = readPolicy(buildContentSecurityPolicy('bm9uY2U=', false));
  expect(policy.get('default-src')).toEqual(["'none'"]);
  expect(policy.get('script-src')).toEqual(["'self'", "'nonce-bm9uY2U='", "'strict-dynamic'"]);
  expect(policy.get('img-src')).toEqual(["'self'", 'data:', 'blob:']);
  expect(policy.get('connect-src')).toEqual(["'self'"]);
  expect(policy.get('frame-ancestors')).toEqual(["'none'"]);
  expect(policy.get('base-uri')).toEqual(["'none'"]);
  for (const sources of policy.values()) {
    for (const source of sources) expect(source).not.toMatch(/^(\*|https?:|unsafe-eval)/);
  }
});

const answer = () => proxy(new NextRequest('http://localhost:3000/w/demo/chat'));

it('gives every response another nonce, to the browser and to Next alike', () => {
  const [first, second] = [answer(), answer()];
  const policy = first.headers.get('content-security-policy') ?? '';
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
  expect(Buffer.from(nonce, 'base64')).toHaveLength(16);
  expect(second.headers.get('content-security-policy')).not.toBe(policy);
  // How Next hands changed request headers to the page.
  expect(first.headers.get('x-middleware-request-x-nonce')).toBe(nonce);
  expect(first.headers.get('x-middleware-request-content-security-policy')).toBe(policy);
});

it('sends the constant headers with every path', async () => {
  const rules = (await nextConfig.headers?.()) ?? [];
  const everything = rules.find(({ source }) => source === '/:path*');
  expect(Object.fromEntries((everything?.headers ?? []).map(({ key, value }) => [key, value]))).toEqual(
    constantSecurityHeaders,
  );
});
