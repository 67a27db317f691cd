import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '#lib/domain/errors.ts';

export interface RateLimitRule {
  readonly points: number;
  readonly windowSeconds: number;
}

export interface RateLimitRules {
  /** Wrong passwords for one e-mail address. Nobody can forge the key of this limit. */
  readonly signInPerEmail: RateLimitRule;
  /** Wrong passwords from one address; behind no proxy a client may forge it, so it only adds to the first. */
  readonly signInPerAddress: RateLimitRule;
  readonly requestsPerKey: RateLimitRule;
}

export const defaultRateLimitRules: RateLimitRules = {
  signInPerEmail: { points: 10, windowSeconds: 15 * 60 },
  signInPerAddress: { points: 60, windowSeconds: 15 * 60 },
  requestsPerKey: { points: 300, windowSeconds: 60 },
};

/** Counts in this process: one web process serves an installation, and a restart forgives. */
export interface RateLimits {
  /** @throws AppError `rate.exceeded` */
  countSignIn(email: string, address: string): Promise<void>;
  forgiveSignIn(email: string, address: string): Promise<void>;
  /** @throws AppError `rate.exceeded` */
  countKeyRequest(keyId: string): Promise<void>;
}

function tooMany(what: string, waitMs: number): AppError {
  const waitSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  const wait = waitSeconds < 90 ? `${waitSeconds} seconds` : `${Math.ceil(waitSeconds / 60)} minutes`;
  return new AppError({
    code: 'rate.exceeded',
    message: `too many ${what}`,
    userMessage: `Too many ${what}. Try again in ${wait}.`,
    isRetryable: true,
    retryAfterMs: waitSeconds * 1000,
  });
}

const createLimiter = (keyPrefix: string, rule: RateLimitRule) =>
  new RateLimiterMemory({ keyPrefix, points: rule.points, duration: rule.windowSeconds });

async function consume(limiter: RateLimiterMemory, key: string, what: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    if (error instanceof RateLimiterRes) throw tooMany(what, error.msBeforeNext);
    throw error;
  }
}

export function createRateLimits(rules: RateLimitRules = defaultRateLimitRules): RateLimits {
  const perEmail = createLimiter('sign-in-email', rules.signInPerEmail);
  const perAddress = createLimiter('sign-in-address', rules.signInPerAddress);
  const perKey = createLimiter('key', rules.requestsPerKey);

  return {
    async countSignIn(email, address) {
      await consume(perEmail, email.toLowerCase(), 'failed sign-ins');
      await consume(perAddress, address, 'failed sign-ins');
    },
    async forgiveSignIn(email, address) {
      await perEmail.delete(email.toLowerCase());
      await perAddress.reward(address);
    },
    async countKeyRequest(keyId) {
      await consume(perKey, keyId, 'requests with this key');
    },
  };
}
