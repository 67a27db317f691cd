import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPeopleStore, type PeopleStore } from '#db/repositories/people.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import type { Actor, Role } from '#lib/domain/actor.ts';
import { createPerson } from './accounts.ts';
import { createApiKey, revokeApiKey } from './api-keys.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import { authorize } from './authorize.ts';
import {
  acceptInvitation,
  acceptInvitationAsNewPerson,
  createInvitation,
  readInvitation,
  revokeInvitation,
} from './invitations.ts';
import { changeMemberRole, reinstatePerson, removeMember, suspendPerson } from './members.ts';
import { createRateLimits, defaultRateLimitRules } from './rate-limits.ts';
import { resolveActor, type UserActor } from './resolve-actor.ts';
import { completeSetup, ensureSetupLink, isSetupLinkOpen } from './set-up.ts';
import { createWorkspace } from './workspaces.ts';

const PASSWORD = 'correct horse battery staple';
const system: Actor = { kind: 'system', reason: 'test' };

const newAccount = (name: string) => ({ name, email: `${name}-${randomUUID()}@example.org`, password: PASSWORD });

const tokenOf = (link: string | null) => new URLSearchParams(link?.split('?')[1]).get('token') ?? '';

const send = (authenticator: Authenticator, path: string, headers: Record<string, string> = {}) =>
  authenticator.handle(
    new Request(`http://localhost:3000/api/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(newAccount('mallory')),
    }),
  );

describeDatabase('people', (getDatabase) => {
  let people: PeopleStore;
  let authenticator: Authenticator;

  function buildAuthenticator(publicUrl = 'http://localhost:3000'): Authenticator {
    return createAuthenticator({
      db: getDatabase().db,
      users: people.users,
      limits: createRateLimits(),
      secret: randomUUID() + randomUUID(),
      publicUrl,
      log: () => undefined,
    });
  }

  beforeAll(() => {
    people = createPeopleStore(getDatabase().db);
    authenticator = buildAuthenticator();
  });

  async function addPerson(name: string, isInstanceOwner = false): Promise<UserActor & { readonly email: string }> {
    const person = await createPerson({ people }, system, { account: newAccount(name), isInstanceOwner });
    return { kind: 'user', userId: person.id, isInstanceOwner, email: person.email };
  }

  async function addWorkspace(members: Readonly<Record<string, Role>>): Promise<string> {
    const workspace = await createWorkspace({ people }, system, { name: 'W', slug: `w-${randomUUID()}` });
    for (const [userId, role] of Object.entries(members)) {
      await people.memberships.add({ workspaceId: workspace.id, userId, role });
    }
    return workspace.id;
  }

  async function signIn(email: string): Promise<Headers> {
    const { setCookies } = await authenticator.signIn({ email, password: PASSWORD }, new Headers());
    return new Headers({ cookie: setCookies.map((value) => value.split(';')[0]).join('; ') });
  }

  async function invite(email: string | null = null) {
    const owner = await addPerson('pia');
    const workspaceId = await addWorkspace({ [owner.userId]: 'owner' });
    const authorized = await authorize(people, owner, workspaceId, 'member.manage');
    const { invitation, link } = await createInvitation({ people }, authorized, {
      role: 'evaluator',
      email,
      expiresInDays: 7,
    });
    return { workspaceId, authorized, id: invitation.id, token: link.split('token=')[1] ?? '' };
  }

  const actorDeps = () => ({ authenticator, users: people.users, apiKeys: people.apiKeys, limits: createRateLimits() });

  // First, because a set-up link exists only while nobody has an account.
  describe('the set-up link', () => {
    it('works once, for one of two who submit it at the same time, and only in its latest form', async () => {
      const first = tokenOf(await ensureSetupLink({ people }));
      const demo = await people.workspaces.create({ slug: 'demo', name: 'Demo', isDemo: true });
      const second = tokenOf(await ensureSetupLink({ people }));
      expect(await isSetupLinkOpen({ people }, first)).toBe(false);
      expect(await isSetupLinkOpen({ people }, second)).toBe(true);

      const attempts = await Promise.allSettled([
        completeSetup({ people }, { token: second, account: newAccount('ann') }),
        completeSetup({ people }, { token: second, account: newAccount('bob') }),
        completeSetup({ people }, { token: first, account: newAccount('eve') }),
      ]);
      const winners = attempts.filter((attempt) => attempt.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      const refusals = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []));
      const refused = { code: 'setup-link.invalid' };
      expect(refusals).toMatchObject([refused, refused]);
      expect(await people.users.count()).toBe(1);
      expect(await people.memberships.findRole(demo.id, winners[0]?.value.userId ?? '')).toBe('owner');
      expect(await ensureSetupLink({ people })).toBeNull();
    });

    it('is refused when it has expired', async () => {
      const past = new Date(Date.now() - 25 * 3_600_000);
      await people.setupLinks.replace({ tokenSha256: 'expired', expiresAt: past });
      expect(await people.setupLinks.claim('expired')).toBe(false);
    });
  });

  describe('sessions', () => {
    it('are sent as cookies that scripts cannot read, and only over https where the product is reached by https', async () => {
      const person = await addPerson('carl');
      const plain = await authenticator.signIn({ email: person.email, password: PASSWORD }, new Headers());
      expect(plain.setCookies[0]).toMatch(/; HttpOnly; SameSite=Lax$/);
      const secure = await buildAuthenticator('https://lore.example').signIn(
        { email: person.email, password: PASSWORD },
        new Headers(),
      );
      expect(secure.setCookies[0]).toMatch(/^__Secure-lorehouse\.session_token=.*; Secure/);
    });

    it('end everywhere else with a change of the password, and go on here under a new token', async () => {
      const person = await addPerson('dora');
      const [here, elsewhere] = [await signIn(person.email), await signIn(person.email)];
      await expect(
        authenticator.changePassword({ currentPassword: 'wrong password', newPassword: 'a new long password' }, here),
      ).rejects.toMatchObject({ code: 'password.wrong' });
      const change = await authenticator.changePassword(
        { currentPassword: PASSWORD, newPassword: 'a new long password' },
        here,
      );
      expect(await authenticator.findSession(elsewhere)).toBeNull();
      expect(await authenticator.findSession(here)).toBeNull();
      const cookie = change.setCookies.map((value) => value.split(';')[0]).join('; ');
      expect(await authenticator.findSession(new Headers({ cookie }))).toMatchObject({ userId: person.userId });
    });

    it('cannot be had by guessing: the limit holds for right passwords too, and names the wait', async () => {
      const person = await addPerson('emil');
      const guess = (password: string) => authenticator.signIn({ email: person.email, password }, new Headers());
      for (let attempt = 0; attempt < defaultRateLimitRules.signInPerEmail.points; attempt += 1) {
        await expect(guess('wrong password')).rejects.toMatchObject({ code: 'session.wrong-credentials' });
      }
      const refusal = await guess(PASSWORD).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'rate.exceeded', isRetryable: true });
      expect(refusal).toHaveProperty('retryAfterMs', expect.any(Number));
    });

    it('are not given for an account that does not exist, in the same words', async () => {
      await expect(
        authenticator.signIn({ email: 'nobody@example.org', password: PASSWORD }, new Headers()),
      ).rejects.toMatchObject({ code: 'session.wrong-credentials' });
    });

    it('cannot be forged over HTTP: no sign-up, no other site, no endpoint that is not listed', async () => {
      for (const path of [
        '/sign-up/email',
        '/delete-user',
        '/update-user',
        '/change-email',
        '/request-password-reset',
      ]) {
        expect((await send(authenticator, path)).status).toBe(404);
      }
      expect((await send(authenticator, '/sign-in/email', { origin: 'https://evil.example' })).status).toBe(403);
    });
  });

  describe('suspending a person', () => {
    it('ends sessions and keys at once, refuses a new session, and brings back no key', async () => {
      const owner = await addPerson('flora');
      const person = await addPerson('gil');
      const workspaceId = await addWorkspace({ [owner.userId]: 'owner', [person.userId]: 'admin' });
      const session = await signIn(person.email);
      const { token } = await createApiKey({ people }, await authorize(people, person, workspaceId, 'key.manage'), {
        name: 'k',
        permissions: ['chat.use'],
        expiresInDays: null,
      });
      const bearer = new Headers({ authorization: `Bearer ${token}` });
      await expect(resolveActor(actorDeps(), session)).resolves.toMatchObject({ userId: person.userId });
      await expect(resolveActor(actorDeps(), bearer)).resolves.toMatchObject({ kind: 'api-key' });

      await suspendPerson({ people }, system, { userId: person.userId });
      for (const headers of [session, bearer]) {
        await expect(resolveActor(actorDeps(), headers)).rejects.toMatchObject({ code: 'session.required' });
      }
      await expect(signIn(person.email)).rejects.toMatchObject({ code: 'user.suspended' });
      await expect(authorize(people, person, workspaceId, 'chat.use')).rejects.toMatchObject({
        code: 'workspace.not-found',
      });

      await reinstatePerson({ people }, system, { userId: person.userId });
      await expect(signIn(person.email)).resolves.toBeDefined();
      await expect(resolveActor(actorDeps(), session)).rejects.toMatchObject({ code: 'session.required' });
      await expect(resolveActor(actorDeps(), bearer)).rejects.toMatchObject({ code: 'session.required' });
    });

    it('is refused for the only owner of a workspace', async () => {
      const owner = await addPerson('hal');
      await addWorkspace({ [owner.userId]: 'owner' });
      await expect(suspendPerson({ people }, system, { userId: owner.userId })).rejects.toMatchObject({
        code: 'member.last-owner',
      });
    });
  });

  describe('members', () => {
    it('keep an owner, also when two owners demote each other at the same time', async () => {
      const [one, two] = [await addPerson('ida'), await addPerson('jo')];
      const workspaceId = await addWorkspace({ [one.userId]: 'owner', [two.userId]: 'owner' });
      const demote = async (actor: UserActor, userId: string) =>
        changeMemberRole({ people }, await authorize(people, actor, workspaceId, 'member.manage'), {
          userId,
          role: 'member',
        });
      const results = await Promise.allSettled([demote(one, two.userId), demote(two, one.userId)]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const left = [one, two].map(({ userId }) => people.memberships.findRole(workspaceId, userId));
      expect(new Set(await Promise.all(left))).toEqual(new Set(['member', 'owner']));
    });

    it('are not made owners, demoted or removed as owners by an admin', async () => {
      const [owner, admin] = [await addPerson('kim'), await addPerson('lou')];
      const spare = await addPerson('max');
      const workspaceId = await addWorkspace({
        [owner.userId]: 'owner',
        [spare.userId]: 'owner',
        [admin.userId]: 'admin',
      });
      const manage = await authorize(people, admin, workspaceId, 'member.manage');
      const attempts = [
        () => changeMemberRole({ people }, manage, { userId: admin.userId, role: 'owner' }),
        () => changeMemberRole({ people }, manage, { userId: owner.userId, role: 'member' }),
        () => removeMember({ people }, manage, { userId: owner.userId }),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'permission.denied' });
    });

    it('lose their keys of the workspace, and no others, when they are removed', async () => {
      const [owner, admin] = [await addPerson('nia'), await addPerson('oto')];
      const makeKey = async (workspaceId: string) => {
        const authorized = await authorize(people, admin, workspaceId, 'key.manage');
        const { token } = await createApiKey({ people }, authorized, {
          name: 'k',
          permissions: ['chat.use'],
          expiresInDays: 1,
        });
        return new Headers({ authorization: `Bearer ${token}` });
      };
      const [here, there] = [
        await addWorkspace({ [owner.userId]: 'owner', [admin.userId]: 'admin' }),
        await addWorkspace({ [owner.userId]: 'owner', [admin.userId]: 'admin' }),
      ];
      const [keyHere, keyThere] = [await makeKey(here), await makeKey(there)];
      const manage = await authorize(people, owner, here, 'member.manage');
      await removeMember({ people }, manage, { userId: admin.userId });
      await expect(resolveActor(actorDeps(), keyHere)).rejects.toMatchObject({ code: 'session.required' });
      await expect(resolveActor(actorDeps(), keyThere)).resolves.toMatchObject({ workspaceId: there });
      const events = await people.audit.list(await authorize(people, owner, here, 'audit.read'), { limit: 10 });
      expect(events[0]).toMatchObject({
        action: 'member.remove',
        actorId: owner.userId,
        targetId: admin.userId,
        details: { role: 'admin', revokedKeys: 1 },
      });
    });
  });

  describe('invitations', () => {
    it('let one person in, of several who follow the link at the same time', async () => {
      const { workspaceId, token } = await invite();
      const results = await Promise.allSettled(
        ['quin', 'rosa', 'sam'].map((name) =>
          acceptInvitationAsNewPerson({ people }, { token, account: newAccount(name) }),
        ),
      );
      const [winner] = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await people.memberships.findRole(workspaceId, winner?.userId ?? '')).toBe('evaluator');
      expect(await readInvitation({ people }, token)).toBeNull();
    });

    it('leave no account behind where they are refused', async () => {
      const { authorized, id, token } = await invite();
      await revokeInvitation({ people }, authorized, { invitationId: id });
      const account = newAccount('tess');
      await expect(acceptInvitationAsNewPerson({ people }, { token, account })).rejects.toMatchObject({
        code: 'invitation.invalid',
      });
      expect(await people.users.findByEmail(account.email)).toBeNull();
    });

    it('bound to an address let in nobody else', async () => {
      const [invited, other] = [await addPerson('uma'), await addPerson('vic')];
      const { workspaceId, token } = await invite(invited.email);
      await expect(acceptInvitation({ people }, other, { token })).rejects.toMatchObject({
        code: 'invitation.wrong-person',
      });
      await acceptInvitation({ people }, invited, { token });
      expect(await people.memberships.findRole(workspaceId, invited.userId)).toBe('evaluator');
      expect(await people.memberships.findRole(workspaceId, other.userId)).toBeNull();
    });

    it('lower nobody: who is a member already keeps their role', async () => {
      const { workspaceId, token } = await invite();
      const admin = await addPerson('wim');
      await people.memberships.add({ workspaceId, userId: admin.userId, role: 'admin' });
      await acceptInvitation({ people }, admin, { token });
      expect(await people.memberships.findRole(workspaceId, admin.userId)).toBe('admin');
    });
  });

  describe('keys', () => {
    it('are stored as a hash, limited per key, and dead once revoked or expired', async () => {
      const owner = await addPerson('xia');
      const workspaceId = await addWorkspace({ [owner.userId]: 'owner' });
      const authorized = await authorize(people, owner, workspaceId, 'key.manage');
      const { key, token } = await createApiKey({ people }, authorized, {
        name: 'k',
        permissions: ['document.read'],
        expiresInDays: 1,
      });
      expect(token).toMatch(/^lh_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
      expect(JSON.stringify(await people.apiKeys.list(authorized))).not.toContain(token.slice(-43));

      const limits = createRateLimits({ ...defaultRateLimitRules, requestsPerKey: { points: 2, windowSeconds: 60 } });
      const deps = { ...actorDeps(), limits };
      const headers = new Headers({ authorization: `Bearer ${token}` });
      const actor = await resolveActor(deps, headers);
      expect(actor).toMatchObject({ kind: 'api-key', permissions: ['document.read'] });
      await expect(authorize(people, actor, workspaceId, 'chat.use')).rejects.toMatchObject({
        code: 'permission.denied',
      });
      await resolveActor(deps, headers);
      await expect(resolveActor(deps, headers)).rejects.toMatchObject({ code: 'rate.exceeded' });

      await revokeApiKey({ people }, authorized, { keyId: key.id });
      await expect(resolveActor(actorDeps(), headers)).rejects.toMatchObject({ code: 'session.required' });
      await expect(revokeApiKey({ people }, authorized, { keyId: key.id })).rejects.toMatchObject({
        code: 'key.not-found',
      });

      const yesterday = new Date(Date.now() - 48 * 3_600_000);
      const old = await createApiKey(
        { people },
        authorized,
        { name: 'old', permissions: ['document.read'], expiresInDays: 1 },
        yesterday,
      );
      await expect(
        resolveActor(actorDeps(), new Headers({ authorization: `Bearer ${old.token}` })),
      ).rejects.toMatchObject({ code: 'session.required' });
    });
  });
});
