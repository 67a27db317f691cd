import { z } from 'zod';
import { authorize } from '#lib/auth/authorize.ts';
import { requireInstanceOwner } from '#lib/auth/members.ts';
import { type KeyActor, resolveActor, type UserActor } from '#lib/auth/resolve-actor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { AppError, forbidden, invalidInput, notFound, unauthenticated } from '#lib/domain/errors.ts';
import type { Access } from './access.ts';
import { getDeps, type WebDeps } from './deps.ts';
import { requireSameOrigin } from './origin.ts';
import { CLIENT_CLOSED_REQUEST, type ErrorShape, isCallerGone, respondWithError } from './respond.ts';
import { openWorkspace } from './workspace-access.ts';

/**
 * Every `route.ts` exports what these functions make and nothing else: credential, workspace, permission, origin, parameters
 * and body are checked here, in this order, before the handler runs.
 */

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type HttpMethod = (typeof METHODS)[number];

/** Largest JSON body; uploads are read as streams and have their own bound. */
const MAX_JSON_BYTES = 1024 * 1024;

interface RouteSettings<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  /** As in the file tree: `/api/w/[workspace]/documents/[documentId]`. */
  readonly path: `/${string}`;
  readonly method: HttpMethod;
  /** The dynamic parts of the path. What does not fit is a 404: no such thing can exist. Default: `workspace` where the access is by workspace. */
  readonly params?: P;
  /** Query parameters, each a string. */
  readonly query?: Q;
  /** JSON body. Without it the handler reads `request` itself. */
  readonly body?: B;
  /** Default `lorehouse`. */
  readonly errorShape?: ErrorShape;
}

export interface RouteContext<P, Q, B> {
  readonly request: Request;
  readonly deps: WebDeps;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** A Response as it is; anything else as JSON; undefined as 204. */
type RouteResult = Response | object | undefined;
type Handler<C> = (context: C) => Promise<RouteResult> | RouteResult;

export interface RouteDefinition {
  readonly path: string;
  readonly method: HttpMethod;
  readonly access: Access;
}

export interface Route {
  (request: Request, context: { readonly params: Promise<unknown> }): Promise<Response>;
  readonly definition: RouteDefinition;
}

async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw invalidInput(`expected Content-Type application/json, got ${type ?? 'none'}`);
  const tooLarge = () =>
    new AppError({ code: 'input.too-large', message: `expected a JSON body of at most ${MAX_JSON_BYTES} bytes` });
  if (Number(request.headers.get('content-length') ?? 0) > MAX_JSON_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_JSON_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new AppError({ code: 'input.invalid', message: 'the body is not valid JSON', cause: error });
  }
}

/** First issue in words, and the fields of all of them. */
export function parseInput<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const field = first?.path.join('.') ?? '';
  const prefix = field === '' ? '' : `${field}: `;
  throw invalidInput(`${prefix}${first?.message ?? 'invalid'}`, {
    fields: [...new Set(parsed.error.issues.map((issue) => issue.path.join('.')))],
  });
}

const NO_FIELDS = z.object({});
const WORKSPACE_PARAMS = z.object({ workspace: z.string().min(1).max(64) });

async function requirePerson(deps: WebDeps, request: Request): Promise<UserActor> {
  const actor = await resolveActor(deps.actorDeps, request.headers);
  if (actor.kind !== 'user') throw forbidden('a session of a person');
  requireSameOrigin(request, deps.env.publicUrl);
  return actor;
}

async function requireKey(deps: WebDeps, request: Request): Promise<KeyActor> {
  const actor = await resolveActor(deps.actorDeps, request.headers);
  if (actor.kind !== 'api-key') throw unauthenticated();
  return actor;
}

function parseParams<T extends z.ZodType>(schema: T, params: unknown): z.infer<T> {
  const parsed = schema.safeParse(params);
  if (!parsed.success) throw notFound('page');
  return parsed.data;
}

/** A schema that is left out stands for its type parameter's default, which `fallback` is by construction of the callers. */
function chooseSchema<T extends z.ZodType>(schema: T | undefined, fallback: z.ZodType): T;
function chooseSchema(schema: z.ZodType | undefined, fallback: z.ZodType): z.ZodType {
  return schema ?? fallback;
}

function build<A, P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  settings: RouteSettings<P, Q, B>,
  access: Access,
  defaultParams: z.ZodType,
  admit: (deps: WebDeps, request: Request, rawParams: unknown) => Promise<A>,
  handler: Handler<A & RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>>,
): Route {
  const serve = async (request: Request, context: { readonly params: Promise<unknown> }): Promise<Response> => {
    const deps = getDeps();
    try {
      // Next gives a route without dynamic segments no params at all.
      const rawParams = (await context.params) ?? {};
      const admitted = await admit(deps, request, rawParams);
      const params: z.infer<P> = parseParams(chooseSchema(settings.params, defaultParams), rawParams);
      const query: z.infer<Q> = parseInput(
        chooseSchema(settings.query, NO_FIELDS),
        Object.fromEntries(new URL(request.url).searchParams),
      );
      const rawBody = settings.body === undefined ? undefined : await readJson(request);
      const body: z.infer<B> = parseInput(chooseSchema(settings.body, z.undefined()), rawBody);
      const result = await handler({ ...admitted, request, deps, params, query, body });
      if (result instanceof Response) return result;
      if (result === undefined) return new Response(null, { status: 204 });
      return Response.json(result, { headers: { 'Cache-Control': 'no-store' } });
    } catch (error) {
      // Nobody is left to read an answer, and nothing went wrong on our side.
      if (isCallerGone(request, error)) return new Response(null, { status: CLIENT_CLOSED_REQUEST });
      return respondWithError(error, deps.log, settings.errorShape);
    }
  };
  return Object.assign(serve, { definition: { path: settings.path, method: settings.method, access } });
}

/** No credential. The handler must check its own (a one-time token, a password) and leak nothing without it. */
export function definePublicRoute<
  P extends z.ZodType = typeof NO_FIELDS,
  Q extends z.ZodType = typeof NO_FIELDS,
  B extends z.ZodType = z.ZodUndefined,
>(
  settings: RouteSettings<P, Q, B> & {
    readonly handler: Handler<RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>>;
  },
): Route {
  return build(settings, { kind: 'public' }, NO_FIELDS, async () => ({}), settings.handler);
}

/** A signed-in person, in no particular workspace. */
export function definePersonRoute<
  P extends z.ZodType = typeof NO_FIELDS,
  Q extends z.ZodType = typeof NO_FIELDS,
  B extends z.ZodType = z.ZodUndefined,
>(
  settings: RouteSettings<P, Q, B> & {
    readonly handler: Handler<{ actor: UserActor } & RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>>;
  },
): Route {
  return build(
    settings,
    { kind: 'person' },
    NO_FIELDS,
    async (deps, request) => ({ actor: await requirePerson(deps, request) }),
    settings.handler,
  );
}

/** An owner of the installation: the state of the machine, not the data of workspaces. */
export function defineInstanceRoute<
  P extends z.ZodType = typeof NO_FIELDS,
  Q extends z.ZodType = typeof NO_FIELDS,
  B extends z.ZodType = z.ZodUndefined,
>(
  settings: RouteSettings<P, Q, B> & {
    readonly handler: Handler<{ actor: UserActor } & RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>>;
  },
): Route {
  return build(
    settings,
    { kind: 'instance-owner' },
    NO_FIELDS,
    async (deps, request) => {
      const actor = await requirePerson(deps, request);
      requireInstanceOwner(actor);
      return { actor };
    },
    settings.handler,
  );
}

/**
 * Below `/api/w/[workspace]/`: a session or a key with `permission` in that workspace. `params` must keep `workspace`.
 * The handler gets `authorized`, the proof that repositories and use cases demand.
 */
export function defineWorkspaceRoute<
  const N extends Permission,
  P extends z.ZodType = typeof WORKSPACE_PARAMS,
  Q extends z.ZodType = typeof NO_FIELDS,
  B extends z.ZodType = z.ZodUndefined,
>(
  settings: RouteSettings<P, Q, B> & {
    readonly permission: N;
    readonly handler: Handler<
      { actor: UserActor | KeyActor; authorized: Authorized<N> } & RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>
    >;
  },
): Route {
  return build(
    settings,
    { kind: 'workspace', permission: settings.permission },
    WORKSPACE_PARAMS,
    async (deps, request, rawParams) => {
      const actor = await resolveActor(deps.actorDeps, request.headers);
      if (actor.kind === 'user') requireSameOrigin(request, deps.env.publicUrl);
      const { workspace } = parseParams(WORKSPACE_PARAMS, rawParams);
      return { actor, authorized: await openWorkspace(deps, actor, workspace, settings.permission) };
    },
    settings.handler,
  );
}

/** Below `/api/v1/`, for machines: an API key, which names its workspace. Errors in the shape of OpenAI's unless told otherwise. */
export function defineKeyRoute<
  const N extends Permission,
  P extends z.ZodType = typeof NO_FIELDS,
  Q extends z.ZodType = typeof NO_FIELDS,
  B extends z.ZodType = z.ZodUndefined,
>(
  settings: RouteSettings<P, Q, B> & {
    readonly permission: N;
    readonly handler: Handler<
      { actor: KeyActor; authorized: Authorized<N> } & RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>
    >;
  },
): Route {
  return build(
    { errorShape: 'openai', ...settings },
    { kind: 'key', permission: settings.permission },
    NO_FIELDS,
    async (deps, request) => {
      const actor = await requireKey(deps, request);
      return { actor, authorized: await authorize(deps.people, actor, actor.workspaceId, settings.permission) };
    },
    settings.handler,
  );
}
