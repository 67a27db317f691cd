/**
 * People, workspaces and keys from the command line, beside a running product: it speaks to the database only.
 * Exit codes: 0 done, 1 unexpected, 2 wrong usage or input, 3 refused (no such thing, taken, not allowed), 4 no database.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { createDatabase } from '#db/client.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import { createPerson, resetPassword } from '#lib/auth/accounts.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '#lib/auth/api-keys.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { createInvitation, INVITATION_DAYS } from '#lib/auth/invitations.ts';
import {
  addMember,
  changeMemberRole,
  listMembers,
  reinstatePerson,
  removeMember,
  suspendPerson,
} from '#lib/auth/members.ts';
import { emailSchema, newAccountSchema, passwordSchema } from '#lib/auth/passwords.ts';
import { ensureSetupLink } from '#lib/auth/set-up.ts';
import { createWorkspace, suggestSlug, workspaceNameSchema, workspaceSlugSchema } from '#lib/auth/workspaces.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { type Actor, keyPermissions, type Role, roles } from '#lib/domain/actor.ts';
import { invalidInput, notFound } from '#lib/domain/errors.ts';
import { type PasswordOptions, readPassword } from './admin/read-password.ts';
import { describeFailure } from './command/describe-failure.ts';

const EXIT = { unexpected: 1, usage: 2, refused: 3, noDatabase: 4 } as const;

interface Output {
  readonly json?: true;
}

const env = loadEnv();
const database = createDatabase(
  env.databaseUrl === undefined
    ? { socketDir: describeDataDir(env.dataDir).databaseSocketDir }
    : { databaseUrl: env.databaseUrl },
  { maxConnections: 1, connectTimeoutMs: 5000 },
);
const people = createPeopleStore(database.db);
const deps = { people };
const operator: Actor = { kind: 'system', reason: 'command line' };

function parse<T extends z.ZodType>(schema: T, value: unknown, name: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidInput(`${name}: ${parsed.error.issues[0]?.message ?? 'invalid'}`);
}

async function findPerson(email: string) {
  const person = await people.users.findByEmail(parse(emailSchema, email, '--email'));
  if (person === null) throw notFound('user');
  return person;
}

async function findWorkspaceId(slug: string): Promise<string> {
  const workspaceId = await people.workspaces.findIdBySlug(slug);
  if (workspaceId === null) throw notFound('workspace');
  return workspaceId;
}

function print(value: object, lines: readonly string[], output: Output): void {
  console.log(output.json === true ? JSON.stringify(value) : lines.join('\n'));
}

function printTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** commander turns a parsed null into an empty string, so that `never` stays a word until the use case is called. */
function parseDays(text: string): number | 'never' {
  if (text === 'never') return text;
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 3650) {
    throw new InvalidArgumentError('expected a number of days from 1 to 3650, or never');
  }
  return days;
}

function parsePermissions(text: string): (typeof keyPermissions)[number][] {
  const wanted = text === 'all' ? [...keyPermissions] : text.split(',').map((part) => part.trim());
  const chosen = keyPermissions.filter((permission) => wanted.includes(permission));
  const unknown = wanted.filter((part) => !keyPermissions.some((permission) => permission === part));
  if (unknown.length > 0 || chosen.length === 0) {
    throw new InvalidArgumentError(`expected "all", or some of ${keyPermissions.join(', ')}, separated by commas`);
  }
  return chosen;
}

const program = new Command('admin')
  .description('People, workspaces and keys. Works beside a running product; --json prints one JSON object.')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function define(name: string, description: string): Command {
  return program.command(name).description(description).option('--json', 'print one JSON object');
}

const roleOption = new Option('--role <role>').choices(roles).default('member');

define('create-user', 'an account; the password is asked for, read from standard input, or made up')
  .requiredOption('--email <address>')
  .requiredOption('--name <name>')
  .option('--instance-owner', 'may create workspaces and suspend people')
  .option('--password-stdin', 'read the password from standard input')
  .option('--generate-password', 'make one up and show it once')
  .action(async (options: Output & PasswordOptions & { email: string; name: string; instanceOwner?: true }) => {
    const { password, generatedPassword } = await readPassword(options);
    const account = parse(newAccountSchema, { name: options.name, email: options.email, password }, 'account');
    const person = await createPerson(deps, operator, { account, isInstanceOwner: options.instanceOwner === true });
    print(
      { id: person.id, email: person.email, isInstanceOwner: person.isInstanceOwner, generatedPassword },
      [
        `Created ${person.email} (${person.id}).`,
        ...(generatedPassword === null ? [] : [`Password, shown once: ${generatedPassword}`]),
      ],
      options,
    );
  });

define('reset-password', 'a new password; ends all sessions of the person')
  .requiredOption('--email <address>')
  .option('--password-stdin', 'read the password from standard input')
  .option('--generate-password', 'make one up and show it once')
  .action(async (options: Output & PasswordOptions & { email: string }) => {
    const person = await findPerson(options.email);
    const { password, generatedPassword } = await readPassword(options);
    await resetPassword(deps, operator, { userId: person.id, password: parse(passwordSchema, password, 'password') });
    print(
      { id: person.id, generatedPassword },
      [
        `Changed the password of ${person.email}.`,
        ...(generatedPassword === null ? [] : [`Password, shown once: ${generatedPassword}`]),
      ],
      options,
    );
  });

define('suspend-user', 'ends all sessions and keys of the person at once')
  .requiredOption('--email <address>')
  .action(async (options: Output & { email: string }) => {
    const person = await findPerson(options.email);
    await suspendPerson(deps, operator, { userId: person.id });
    print({ id: person.id }, [`Suspended ${person.email}.`], options);
  });

define('reinstate-user', 'lets a suspended person sign in again')
  .requiredOption('--email <address>')
  .action(async (options: Output & { email: string }) => {
    const person = await findPerson(options.email);
    await reinstatePerson(deps, operator, { userId: person.id });
    print({ id: person.id }, [`Reinstated ${person.email}.`], options);
  });

define('list-users', 'everyone with an account').action(async (options: Output) => {
  const users = await people.users.list();
  print(
    { users },
    printTable([
      ['e-mail', 'name', 'owner of the installation', 'suspended', 'id'],
      ...users.map((user) => [
        user.email,
        user.name,
        user.isInstanceOwner ? 'yes' : 'no',
        user.suspendedAt?.toISOString() ?? 'no',
        user.id,
      ]),
    ]),
    options,
  );
});

define('create-workspace', 'an empty workspace')
  .requiredOption('--name <name>')
  .option('--slug <slug>', 'its name in addresses; made from the name if left out')
  .option('--owner <address>', 'e-mail address of its owner')
  .action(async (options: Output & { name: string; slug?: string; owner?: string }) => {
    const name = parse(workspaceNameSchema, options.name, '--name');
    const slug = parse(workspaceSlugSchema, options.slug ?? suggestSlug(name), '--slug');
    const owner = options.owner === undefined ? null : await findPerson(options.owner);
    const workspace = await createWorkspace(deps, operator, { name, slug });
    if (owner !== null) {
      const authorized = await authorize(people, operator, workspace.id, 'member.manage');
      await addMember(deps, authorized, { userId: owner.id, role: 'owner' });
    }
    print(
      { id: workspace.id, slug, name, owner: owner?.email ?? null },
      [`Created ${slug} (${workspace.id}): ${env.publicUrl}/w/${slug}`],
      options,
    );
  });

define('list-workspaces', 'all workspaces').action(async (options: Output) => {
  const workspaces = (await people.workspaces.list()).map(({ id, slug, name, isDemo, createdAt }) => ({
    id,
    slug,
    name,
    isDemo,
    createdAt,
  }));
  print(
    { workspaces },
    printTable([['slug', 'name', 'id'], ...workspaces.map(({ slug, name, id }) => [slug, name, id])]),
    options,
  );
});

define('add-member', 'makes somebody with an account a member, or changes their role')
  .requiredOption('--workspace <slug>')
  .requiredOption('--email <address>')
  .addOption(roleOption)
  .action(async (options: Output & { workspace: string; email: string; role: Role }) => {
    const person = await findPerson(options.email);
    const workspaceId = await findWorkspaceId(options.workspace);
    const authorized = await authorize(people, operator, workspaceId, 'member.manage');
    const isNew = await addMember(deps, authorized, { userId: person.id, role: options.role });
    if (!isNew) await changeMemberRole(deps, authorized, { userId: person.id, role: options.role });
    print(
      { workspaceId, userId: person.id, role: options.role },
      [`${person.email} is ${options.role} of ${options.workspace}.`],
      options,
    );
  });

define('remove-member', 'takes a person out of a workspace and revokes the keys they made there')
  .requiredOption('--workspace <slug>')
  .requiredOption('--email <address>')
  .action(async (options: Output & { workspace: string; email: string }) => {
    const person = await findPerson(options.email);
    const workspaceId = await findWorkspaceId(options.workspace);
    const authorized = await authorize(people, operator, workspaceId, 'member.manage');
    await removeMember(deps, authorized, { userId: person.id });
    print({ workspaceId, userId: person.id }, [`${person.email} left ${options.workspace}.`], options);
  });

define('list-members', 'the people of a workspace')
  .requiredOption('--workspace <slug>')
  .action(async (options: Output & { workspace: string }) => {
    const workspaceId = await findWorkspaceId(options.workspace);
    const members = await listMembers(deps, await authorize(people, operator, workspaceId, 'member.read'));
    print(
      { members },
      printTable([['e-mail', 'name', 'role'], ...members.map((member) => [member.email, member.name, member.role])]),
      options,
    );
  });

define('create-invitation', 'a link that lets one person join; shown once')
  .requiredOption('--workspace <slug>')
  .addOption(new Option('--role <role>').choices(['admin', 'evaluator', 'member']).default('member'))
  .option('--email <address>', 'only for this person')
  .option('--expires-in-days <days>', 'from 1 to 30', String(INVITATION_DAYS.default))
  .action(
    async (
      options: Output & {
        workspace: string;
        role: 'admin' | 'evaluator' | 'member';
        email?: string;
        expiresInDays: string;
      },
    ) => {
      const workspaceId = await findWorkspaceId(options.workspace);
      const expiresInDays = parseDays(options.expiresInDays);
      if (expiresInDays === 'never' || expiresInDays > INVITATION_DAYS.max) {
        throw invalidInput(`--expires-in-days: expected ${INVITATION_DAYS.min} to ${INVITATION_DAYS.max}`);
      }
      const { invitation, link } = await createInvitation(
        deps,
        await authorize(people, operator, workspaceId, 'member.manage'),
        {
          role: options.role,
          email: options.email === undefined ? null : parse(emailSchema, options.email, '--email'),
          expiresInDays,
        },
      );
      const url = `${env.publicUrl}${link}`;
      print({ id: invitation.id, link: url }, [`Link, shown once: ${url}`], options);
    },
  );

define('create-api-key', 'a key for programs, made in the name of a person and limited by their role; shown once')
  .requiredOption('--workspace <slug>')
  .requiredOption('--email <address>', 'an owner or admin of the workspace')
  .requiredOption('--name <name>')
  .option('--permissions <list>', `"all", or some of ${keyPermissions.join(',')}`, parsePermissions, [
    'chat.use',
    'document.read',
    'document.write',
    'run.read',
  ])
  .requiredOption('--expires-in-days <days>', 'a number, or never', parseDays)
  .action(
    async (
      options: Output & {
        workspace: string;
        email: string;
        name: string;
        permissions: (typeof keyPermissions)[number][];
        expiresInDays: number | 'never';
      },
    ) => {
      const person = await findPerson(options.email);
      const workspaceId = await findWorkspaceId(options.workspace);
      const maker: Actor = { kind: 'user', userId: person.id, isInstanceOwner: person.isInstanceOwner };
      const { key, token } = await createApiKey(deps, await authorize(people, maker, workspaceId, 'key.manage'), {
        name: parse(workspaceNameSchema, options.name, '--name'),
        permissions: options.permissions,
        expiresInDays: options.expiresInDays === 'never' ? null : options.expiresInDays,
      });
      print(
        { id: key.id, token, permissions: key.permissions, expiresAt: key.expiresAt?.toISOString() ?? null },
        [`Key, shown once: ${token}`],
        options,
      );
    },
  );

define('list-api-keys', 'the keys of a workspace, revoked and expired ones too')
  .requiredOption('--workspace <slug>')
  .action(async (options: Output & { workspace: string }) => {
    const workspaceId = await findWorkspaceId(options.workspace);
    const keys = await listApiKeys(deps, await authorize(people, operator, workspaceId, 'key.manage'));
    print(
      { keys },
      printTable([
        ['key', 'name', 'permissions', 'expires', 'revoked', 'last used', 'id'],
        ...keys.map((key) => [
          `${key.prefix}…`,
          key.name,
          key.permissions.join(','),
          key.expiresAt?.toISOString() ?? 'never',
          key.revokedAt?.toISOString() ?? 'no',
          key.lastUsedAt?.toISOString() ?? 'never',
          key.id,
        ]),
      ]),
      options,
    );
  });

define('revoke-api-key', 'the key stops working at once')
  .requiredOption('--workspace <slug>')
  .requiredOption('--id <id>')
  .action(async (options: Output & { workspace: string; id: string }) => {
    const workspaceId = await findWorkspaceId(options.workspace);
    const authorized = await authorize(people, operator, workspaceId, 'key.manage');
    await revokeApiKey(deps, authorized, { keyId: parse(z.uuid(), options.id, '--id') });
    print({ id: options.id }, ['Revoked.'], options);
  });

define('create-setup-link', 'a new one-time link for the first person, while nobody has an account').action(
  async (options: Output) => {
    const link = await ensureSetupLink(deps);
    const url = link === null ? null : `${env.publicUrl}${link}`;
    print({ link: url }, [url ?? 'Somebody has an account already; use create-user or create-invitation.'], options);
    if (url === null) process.exitCode = EXIT.refused;
  },
);

try {
  await program.parseAsync();
} catch (error) {
  const where = env.databaseUrl === undefined ? `of ${env.dataDir}` : 'at DATABASE_URL';
  const { kind, code, message } = describeFailure(error, where);
  const exitCodes = { ...EXIT, help: 0, 'no-database': EXIT.noDatabase };
  process.exitCode = exitCodes[kind];
  // commander has said already what is wrong with the usage.
  if (kind === 'unexpected') console.error(error instanceof Error && 'params' in error ? error.cause : error);
  else if (!(error instanceof CommanderError)) {
    console.error(process.argv.includes('--json') ? JSON.stringify({ error: { code, message } }) : `admin: ${message}`);
  }
} finally {
  await database.close();
}
