import { betterAuth } from 'better-auth';
import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { APIError, createAuthMiddleware } from 'better-auth/api';
import { v7 as createUuid } from 'uuid';
import type { DatabaseExecutor } from '#db/executor.ts';
import { accounts, sessions, users, verifications } from '#db/schema/auth.ts';
import { AppError, unauthenticated } from '#lib/domain/errors.ts';
import { PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH } from './passwords.ts';
import type { RateLimits } from './rate-limits.ts';

/** Sessions end two weeks after sign-in, used or not; every sign-in and password change makes a new token. */
const SESSION_LIFETIME_SECONDS = 14 * 24 * 60 * 60;

/**
 * Endpoints of better-auth that are reachable over HTTP. Everything else it brings (sign-up, e-mail change, account
 * deletion, social sign-in) stays closed: accounts are made by set-up link, invitation or command line only.
 */
const OPEN_ENDPOINTS: readonly string[] = ['GET /get-session', 'POST /sign-in/email', 'POST /sign-out'];

const BASE_PATH = '/api/auth';

export interface AuthenticatorOptions {
  readonly db: DatabaseExecutor;
  readonly users: {
    findById(userId: string): Promise<{ readonly suspendedAt: Date | null } | null>;
  };
  readonly limits: RateLimits;
  readonly secret: string;
  /** Address under which people reach the product; https makes cookies `Secure`. */
  readonly publicUrl: string;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
}

/** `Set-Cookie` values that the caller must send on. */
export interface CookieChange {
  readonly setCookies: readonly string[];
}

/** Passwords and sessions. The only module that knows better-auth. */
export interface Authenticator {
  /** @throws AppError `session.wrong-credentials`, `rate.exceeded`, `user.suspended` */
  signIn(credentials: { readonly email: string; readonly password: string }, headers: Headers): Promise<CookieChange>;
  signOut(headers: Headers): Promise<CookieChange>;
  /** Ends every other session of this person and gives this one a new token. */
  changePassword(
    change: { readonly currentPassword: string; readonly newPassword: string },
    headers: Headers,
  ): Promise<CookieChange>;
  /** Reads only; never prolongs a session. */
  findSession(headers: Headers): Promise<{ readonly userId: string; readonly sessionId: string } | null>;
  /** Serves `/api/auth/*`; 404 for endpoints that are not open. */
  handle(request: Request): Promise<Response>;
}

/** The address nearest to us in the forwarding chain: the only one that the server in front of us wrote itself. */
function readClientAddress(headers: Headers | undefined): string {
  return headers?.get('x-forwarded-for')?.split(',').at(-1)?.trim() || 'unknown';
}

function toApiError(error: unknown): unknown {
  if (!AppError.isInstance(error)) return error;
  const status = error.code === 'rate.exceeded' ? 'TOO_MANY_REQUESTS' : 'FORBIDDEN';
  return new APIError(
    status,
    { code: error.code, message: error.userMessage, retryAfterMs: error.retryAfterMs },
    error.retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(error.retryAfterMs / 1000)) },
  );
}

function toAppError(error: unknown): unknown {
  if (!(error instanceof APIError)) return error;
  const code = error.body?.code;
  const retryAfterMs = error.body?.['retryAfterMs'];
  if (code === 'rate.exceeded' || code === 'user.suspended') {
    return new AppError({
      code,
      message: error.message,
      isRetryable: code === 'rate.exceeded',
      ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
    });
  }
  if (code === 'INVALID_EMAIL_OR_PASSWORD' || code === 'INVALID_EMAIL' || code === 'PASSWORD_TOO_LONG') {
    return new AppError({
      code: 'session.wrong-credentials',
      message: 'no account with this e-mail address and password',
      userMessage: 'E-mail address or password is wrong.',
    });
  }
  if (code === 'INVALID_PASSWORD') {
    return new AppError({
      code: 'password.wrong',
      message: 'the current password is wrong',
      userMessage: 'The current password is wrong.',
    });
  }
  if (error.statusCode === 401) return unauthenticated();
  return error;
}

async function translateErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { limits } = options;
  const publicUrl = new URL(options.publicUrl);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(publicUrl.hostname);
  const loopbackOrigins = ['localhost', '127.0.0.1'].map(
    (host) => `${publicUrl.protocol}//${host}${publicUrl.port === '' ? '' : `:${publicUrl.port}`}`,
  );

  const auth = betterAuth({
    appName: 'Lorehouse',
    baseURL: publicUrl.origin,
    basePath: BASE_PATH,
    secret: options.secret,
    trustedOrigins: isLoopback ? loopbackOrigins : [],
    database: drizzleAdapter(options.db, {
      provider: 'pg',
      usePlural: true,
      schema: { users, sessions, accounts, verifications },
      // Its hooks read through another connection, which an open transaction would block on the embedded database.
      transaction: false,
    }),
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_MIN_LENGTH,
      maxPasswordLength: PASSWORD_MAX_LENGTH,
    },
    session: { expiresIn: SESSION_LIFETIME_SECONDS, disableSessionRefresh: true, cookieCache: { enabled: false } },
    // Ours counts by e-mail address, over both doors (server action and HTTP); better-auth's counts by a forgeable address.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: {
      level: 'warn',
      // Arguments may hold addresses of people: the message alone is logged.
      log: (level, message) => options.log(level, `better-auth: ${message}`),
    },
    onAPIError: {
      // Wrong passwords and the like are answers, not errors of ours; better-auth would print them to the console.
      onError: (error) => {
        if (!(error instanceof APIError) || error.statusCode >= 500)
          options.log('error', `better-auth: ${String(error)}`);
      },
    },
    advanced: {
      // Said outright, because better-auth switches both checks off by itself where NODE_ENV is `test`.
      disableCSRFCheck: false,
      disableOriginCheck: false,
      cookiePrefix: 'lorehouse',
      useSecureCookies: publicUrl.protocol === 'https:',
      database: { generateId: () => createUuid() },
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session) => {
            const person = await options.users.findById(session.userId);
            if (person === null || person.suspendedAt !== null) {
              throw new APIError('FORBIDDEN', { code: 'user.suspended', message: 'This account is suspended.' });
            }
          },
        },
      },
    },
    hooks: {
      before: createAuthMiddleware(async (ctx) => {
        if (ctx.path !== '/sign-in/email') return;
        const email: unknown = ctx.body?.email;
        if (typeof email !== 'string') return;
        try {
          await limits.countSignIn(email, readClientAddress(ctx.headers));
        } catch (error) {
          throw toApiError(error);
        }
      }),
      after: createAuthMiddleware(async (ctx) => {
        if (ctx.path !== '/sign-in/email' || !ctx.context.newSession) return;
        await limits.forgiveSignIn(ctx.context.newSession.user.email, readClientAddress(ctx.headers));
      }),
    },
  });

  return {
    signIn: (credentials, headers) =>
      translateErrors(async () => {
        const result = await auth.api.signInEmail({ body: credentials, headers, returnHeaders: true });
        return { setCookies: result.headers.getSetCookie() };
      }),
    signOut: (headers) =>
      translateErrors(async () => {
        const result = await auth.api.signOut({ headers, returnHeaders: true });
        return { setCookies: result.headers.getSetCookie() };
      }),
    changePassword: (change, headers) =>
      translateErrors(async () => {
        const current = await auth.api.getSession({ headers });
        if (current === null) throw unauthenticated();
        await limits.countSignIn(current.user.email, readClientAddress(headers));
        const result = await auth.api.changePassword({
          body: { ...change, revokeOtherSessions: true },
          headers,
          returnHeaders: true,
        });
        await limits.forgiveSignIn(current.user.email, readClientAddress(headers));
        return { setCookies: result.headers.getSetCookie() };
      }),
    async findSession(headers) {
      // Without a cookie there is no session: spares the work on every call of a machine.
      if (!headers.has('cookie')) return null;
      const found = await auth.api.getSession({ headers });
      return found === null ? null : { userId: found.user.id, sessionId: found.session.id };
    },
    async handle(request) {
      const path = new URL(request.url).pathname.slice(BASE_PATH.length);
      if (!OPEN_ENDPOINTS.includes(`${request.method} ${path}`)) {
        return Response.json(
          { error: { code: 'route.not-found', message: 'There is no such page.', isRetryable: false } },
          { status: 404 },
        );
      }
      return await auth.handler(request);
    },
  };
}
