import { type Command, InvalidArgumentError } from 'commander';
import { createDatabase, type Database } from '#db/client.ts';
import { createPeopleStore, type PeopleStore } from '#db/repositories/people.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { type Env, loadEnv } from '#lib/config/env.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Actor, Permission } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';
import { type CommandFailure, describeFailure } from './describe-failure.ts';

/** What a command beside the running product works with. */
export interface ProductCommand {
  readonly env: Env;
  readonly db: Database;
  readonly people: PeopleStore;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** @throws AppError `workspace.not-found` */
  readonly openWorkspace: (slug: string, actor?: Actor) => Promise<OpenWorkspace>;
}

export interface OpenWorkspace {
  readonly id: string;
  readonly allow: <P extends Permission>(permission: P) => Promise<Authorized<P>>;
}

const OPERATOR: Actor = { kind: 'system', reason: 'command line' };

export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return count;
}

export function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0) throw new InvalidArgumentError('expected a whole number from 0');
  return seed;
}

/**
 * The person in whose name a command acts: their role decides what it may.
 * @throws AppError `user.not-found`
 */
export async function findPersonAsActor(people: PeopleStore, email: string): Promise<Actor> {
  const person = await people.users.findByEmail(email.trim().toLowerCase());
  if (person === null) throw notFound('user');
  return { kind: 'user', userId: person.id, isInstanceOwner: person.isInstanceOwner };
}

/** The result on standard output: for people, or as one line of JSON. Progress belongs on standard error. */
export function printResult(value: object, lines: readonly string[], isJson: boolean): void {
  console.log(isJson ? JSON.stringify(value) : lines.join('\n'));
}

/**
 * Run the command that the arguments name, with the database open. A failure becomes one line (with `--json`, one JSON object
 * on standard output) and the exit code of its kind; never a stack trace, unless LOG_LEVEL is debug.
 */
export async function runProductCommand(
  program: Command,
  exitCodes: Readonly<Record<Exclude<CommandFailure['kind'], 'help'>, number>>,
  register: (program: Command, command: ProductCommand) => void,
): Promise<void> {
  const report = ({ kind, code, message }: CommandFailure) => {
    if (kind === 'help') return;
    process.exitCode = exitCodes[kind];
    if (process.argv.includes('--json')) console.log(JSON.stringify({ error: { code, message } }));
    // commander has said already what is wrong with the usage.
    else if (code !== 'usage') console.error(`${program.name()}: ${message}`);
  };
  let env: Env;
  try {
    env = loadEnv();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    report({ kind: 'usage', code: 'settings.invalid', message });
    return;
  }
  const interruption = new AbortController();
  // The launcher and the terminal may both pass on one Ctrl-C, so a second signal asks for nothing more than the first.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interruption.abort());
  const database = createDatabase(
    env.databaseUrl === undefined
      ? { socketDir: describeDataDir(env.dataDir).databaseSocketDir }
      : { databaseUrl: env.databaseUrl },
    { maxConnections: 2, connectTimeoutMs: 5000 },
  );
  const people = createPeopleStore(database.db);
  try {
    register(program.exitOverride(), {
      env,
      db: database.db,
      people,
      signal: interruption.signal,
      async openWorkspace(slug, actor = OPERATOR) {
        const id = await people.workspaces.findIdBySlug(slug);
        if (id === null) throw notFound('workspace');
        return { id, allow: (permission) => authorize(people, actor, id, permission) };
      },
    });
    await program.parseAsync();
  } catch (error) {
    report(describeFailure(error, env.databaseUrl === undefined ? `of ${env.dataDir}` : 'at DATABASE_URL'));
    if (env.logLevel === 'debug') console.error(error);
  } finally {
    await database.close();
  }
}
