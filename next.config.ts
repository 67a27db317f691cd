import type { NextConfig } from 'next';

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  // Types are checked by `npm run check`; checking them again would add a minute to the first start.
  typescript: { ignoreBuildErrors: true },
};

export default config;
