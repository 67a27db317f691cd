import { definePublicRoute } from '#app/_server/route.ts';
import { describePublicApi } from '#app/api/v1/openapi-document.ts';

/** The contract holds no data of anyone, so it needs no key. */
export const GET = definePublicRoute({
  path: '/api/v1/openapi.json',
  method: 'GET',
  handler: ({ deps }) => describePublicApi(deps.env.publicUrl),
});
