import { z } from 'zod';
import { requireInstanceOwner } from '#lib/auth/members.ts';
import { resolveActor, type UserActor } from '#lib/auth/resolve-actor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { forbidden, type PublicError } from '#lib/domain/errors.ts';
import type { Access } from './access.ts';
import { getDeps, type WebDeps } from './deps.ts';
import { currentHeaders } from './request-headers.ts';
import { describeError } from './respond.ts';
import { parseInput } from './route.ts';
import { openWorkspace } from './workspace-access.ts';

/**
 * Server actions for form-like mutations of our pages. Every `'use server'` file exports what these functions make and
 * nothing else. Expected errors are returned, never thrown. Next compares `Origin` with `Host` before an action runs.
 */
export type ActionResult<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly error: PublicError };

export interface ActionDefinition {
  /** `noun.verb`, unique in the product. */
  readonly name: string;
  readonly access: Access;
}

export interface Action<I, O> {
  /** A plain object, or the fields of a form. */
  (input: I | FormData): Promise<ActionResult<O>>;
  readonly definition: ActionDefinition;
}

interface ActionSettings<I extends z.ZodType> {
  readonly name: string;
  readonly input: I;
}

interface ActionContext<I> {
  readonly deps: WebDeps;
  readonly headers: Headers;
  readonly input: I;
}

type Handler<C, O> = (context: C) => Promise<O>;

/** Fields of a form as an object; a name that comes twice or more becomes a list. Next's own fields (`$ACTION…`) are left out. */
function readForm(form: FormData): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of new Set(form.keys())) {
    if (name.startsWith('$ACTION')) continue;
    const values = form.getAll(name);
    fields[name] = values.length === 1 ? values[0] : values;
  }
  return fields;
}

async function requirePerson(deps: WebDeps, headers: Headers): Promise<UserActor> {
  const actor = await resolveActor(deps.actorDeps, headers);
  if (actor.kind !== 'user') throw forbidden('a session of a person');
  return actor;
}

function build<A, I extends z.ZodType, O>(
  settings: ActionSettings<I>,
  access: Access,
  admit: (deps: WebDeps, headers: Headers, rawInput: unknown) => Promise<A>,
  handler: Handler<A & ActionContext<z.infer<I>>, O>,
): Action<z.input<I>, O> {
  const act = async (rawInput: z.input<I> | FormData): Promise<ActionResult<O>> => {
    const deps = getDeps();
    try {
      const headers = await currentHeaders();
      const fields: unknown = rawInput instanceof FormData ? readForm(rawInput) : rawInput;
      const admitted = await admit(deps, headers, fields);
      const input = parseInput(settings.input, fields);
      return { ok: true, data: await handler({ ...admitted, deps, headers, input }) };
    } catch (error) {
      return { ok: false, error: describeError(error, deps.log).error };
    }
  };
  return Object.assign(act, { definition: { name: settings.name, access } });
}

export function definePublicAction<I extends z.ZodType, O>(
  settings: ActionSettings<I> & { readonly handler: Handler<ActionContext<z.infer<I>>, O> },
): Action<z.input<I>, O> {
  return build(settings, { kind: 'public' }, async () => ({}), settings.handler);
}

export function definePersonAction<I extends z.ZodType, O>(
  settings: ActionSettings<I> & {
    readonly handler: Handler<{ actor: UserActor } & ActionContext<z.infer<I>>, O>;
  },
): Action<z.input<I>, O> {
  return build(
    settings,
    { kind: 'person' },
    async (deps, headers) => ({ actor: await requirePerson(deps, headers) }),
    settings.handler,
  );
}

export function defineInstanceAction<I extends z.ZodType, O>(
  settings: ActionSettings<I> & {
    readonly handler: Handler<{ actor: UserActor } & ActionContext<z.infer<I>>, O>;
  },
): Action<z.input<I>, O> {
  return build(
    settings,
    { kind: 'instance-owner' },
    async (deps, headers) => {
      const actor = await requirePerson(deps, headers);
      requireInstanceOwner(actor);
      return { actor };
    },
    settings.handler,
  );
}

const WORKSPACE_FIELD = z.object({ workspace: z.string().min(1).max(64) });

/** The input must carry `workspace`, the name from the address. */
export function defineWorkspaceAction<const N extends Permission, I extends z.ZodType<{ workspace: string }>, O>(
  settings: ActionSettings<I> & {
    readonly permission: N;
    readonly handler: Handler<{ actor: UserActor; authorized: Authorized<N> } & ActionContext<z.infer<I>>, O>;
  },
): Action<z.input<I>, O> {
  return build(
    settings,
    { kind: 'workspace', permission: settings.permission },
    async (deps, headers, rawInput) => {
      const actor = await requirePerson(deps, headers);
      const { workspace } = parseInput(WORKSPACE_FIELD, rawInput);
      return { actor, authorized: await openWorkspace(deps, actor, workspace, settings.permission) };
    },
    settings.handler,
  );
}
