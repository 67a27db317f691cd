import { z } from 'zod';
import { definePublicRoute } from '#app/_server/route.ts';

const settings = { path: '/api/auth/[...all]', params: z.object({ all: z.array(z.string()) }) } as const;

/** Sign-in, sign-out and the current session for programs; pages use server actions. Everything else here is a 404. */
export const GET = definePublicRoute({
  ...settings,
  method: 'GET',
  handler: ({ deps, request }) => deps.authenticator.handle(request),
  query: z.record(z.string(), z.string()),
});

export const POST = definePublicRoute({
  ...settings,
  method: 'POST',
  handler: ({ deps, request }) => deps.authenticator.handle(request),
  query: z.record(z.string(), z.string()),
});
