import { and, count, desc, eq, gt, isNull, sql } from 'drizzle-orm';
import { AppError } from '#lib/domain/errors.ts';
import type { DatabaseExecutor } from '../executor.ts';
import { accounts, sessions, users } from '../schema/auth.ts';
import { isUniqueViolation } from './postgres-errors.ts';

export interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly isInstanceOwner: boolean;
  readonly suspendedAt: Date | null;
  readonly createdAt: Date;
}

export interface SessionRow {
  readonly id: string;
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date;
}

export interface NewPerson {
  readonly name: string;
  /** Lower case. */
  readonly email: string;
  readonly passwordHash: string;
  readonly isInstanceOwner: boolean;
}

/** People and their sessions. Not tenant rows: who may call what is decided by the use case. */
export interface UserRepository {
  count(): Promise<number>;
  findById(userId: string): Promise<PersonRow | null>;
  findByEmail(email: string): Promise<PersonRow | null>;
  list(): Promise<PersonRow[]>;
  /** @throws AppError `user.exists` */
  create(person: NewPerson): Promise<PersonRow>;
  setPasswordHash(userId: string, passwordHash: string): Promise<void>;
  /** @returns false when there is no such person */
  setSuspended(userId: string, suspendedAt: Date | null): Promise<boolean>;
  /** Locks the rows of all active instance owners until the transaction ends, so that the last one cannot vanish in a race. */
  lockActiveInstanceOwners(): Promise<string[]>;
  listSessions(userId: string): Promise<SessionRow[]>;
  /** @returns false when the session is not this person's */
  deleteSession(userId: string, sessionId: string): Promise<boolean>;
  deleteSessions(userId: string): Promise<void>;
}

const personColumns = {
  id: users.id,
  name: users.name,
  email: users.email,
  isInstanceOwner: users.isInstanceOwner,
  suspendedAt: users.suspendedAt,
  createdAt: users.createdAt,
};

export function createUserRepository(db: DatabaseExecutor): UserRepository {
  return {
    async count() {
      const [row] = await db.select({ total: count() }).from(users);
      return row?.total ?? 0;
    },
    async findById(userId) {
      const [row] = await db.select(personColumns).from(users).where(eq(users.id, userId));
      return row ?? null;
    },
    async findByEmail(email) {
      const [row] = await db.select(personColumns).from(users).where(eq(users.email, email.toLowerCase()));
      return row ?? null;
    },
    async list() {
      return await db.select(personColumns).from(users).orderBy(users.createdAt, users.id);
    },
    async create(person) {
      try {
        const [row] = await db
          .insert(users)
          .values({ name: person.name, email: person.email.toLowerCase(), isInstanceOwner: person.isInstanceOwner })
          .returning(personColumns);
        if (row === undefined) throw new Error('the database returned no row for an inserted user');
        // better-auth finds a password under provider `credential` with the user's own id as account.
        await db.insert(accounts).values({
          userId: row.id,
          accountId: row.id,
          providerId: 'credential',
          password: person.passwordHash,
        });
        return row;
      } catch (error) {
        if (!isUniqueViolation(error, 'users_email_unique')) throw error;
        throw new AppError({
          code: 'user.exists',
          message: 'a user with this e-mail address exists',
          userMessage: 'Someone with this e-mail address already has an account.',
          cause: error,
        });
      }
    },
    async setPasswordHash(userId, passwordHash) {
      await db
        .update(accounts)
        .set({ password: passwordHash, updatedAt: sql`now()` })
        .where(and(eq(accounts.userId, userId), eq(accounts.providerId, 'credential')));
    },
    async setSuspended(userId, suspendedAt) {
      const rows = await db
        .update(users)
        .set({ suspendedAt, updatedAt: sql`now()` })
        .where(eq(users.id, userId))
        .returning({ id: users.id });
      return rows.length > 0;
    },
    async lockActiveInstanceOwners() {
      const rows = await db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.isInstanceOwner, true), isNull(users.suspendedAt)))
        .orderBy(users.id)
        .for('update');
      return rows.map((row) => row.id);
    },
    async listSessions(userId) {
      return await db
        .select({
          id: sessions.id,
          userAgent: sessions.userAgent,
          ipAddress: sessions.ipAddress,
          createdAt: sessions.createdAt,
          updatedAt: sessions.updatedAt,
          expiresAt: sessions.expiresAt,
        })
        .from(sessions)
        .where(and(eq(sessions.userId, userId), gt(sessions.expiresAt, sql`now()`)))
        .orderBy(desc(sessions.updatedAt));
    },
    async deleteSession(userId, sessionId) {
      const rows = await db
        .delete(sessions)
        .where(and(eq(sessions.userId, userId), eq(sessions.id, sessionId)))
        .returning({ id: sessions.id });
      return rows.length > 0;
    },
    async deleteSessions(userId) {
      await db.delete(sessions).where(eq(sessions.userId, userId));
    },
  };
}
