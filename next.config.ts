import type { NextConfig } from 'next';
import { constantSecurityHeaders } from './app/_server/security-headers.ts';

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  // Types are checked by `npm run check`; checking them again would add a minute to the first start.
  typescript: { ignoreBuildErrors: true },
  // Loaded by Node as they are: bundling them would double the time of the first start's build.
  serverExternalPackages: [
    '@langchain/core',
    '@langchain/textsplitters',
    'better-auth',
    'cheerio',
    'd3-dsv',
    'drizzle-orm',
    'file-type',
    'mammoth',
    'pg-boss',
    'undici',
    'yauzl',
  ],
  async headers() {
    const headers = Object.entries(constantSecurityHeaders).map(([key, value]) => ({ key, value }));
    return [{ source: '/:path*', headers }];
  },
};

export default config;
