import { randomBytes } from 'node:crypto';
import { hashPassword as hashWithScrypt } from 'better-auth/crypto';
import { z } from 'zod';

export const PASSWORD_MIN_LENGTH = 12;
/** Long enough for any passphrase; a bound, because hashing costs time by length. */
export const PASSWORD_MAX_LENGTH = 256;
/** `aaaaaaaaaaaa` and `121212121212` are long and worthless. */
const MIN_DISTINCT_CHARACTERS = 5;

export const passwordSchema = z
  .string()
  .min(PASSWORD_MIN_LENGTH, `Use at least ${PASSWORD_MIN_LENGTH} characters.`)
  .max(PASSWORD_MAX_LENGTH, `Use at most ${PASSWORD_MAX_LENGTH} characters.`)
  .refine((password) => new Set(password).size >= MIN_DISTINCT_CHARACTERS, 'Use more different characters.');

export const emailSchema = z
  .string()
  .trim()
  .toLowerCase()
  .max(254, 'This e-mail address is too long.')
  .pipe(z.email('This is not an e-mail address.'));

export const personNameSchema = z.string().trim().min(1, 'Enter a name.').max(120, 'Use at most 120 characters.');

/** What someone fills in to get an account. */
export const newAccountSchema = z
  .object({ name: personNameSchema, email: emailSchema, password: passwordSchema })
  .refine((account) => account.password.toLowerCase() !== account.email, {
    message: 'The password must not be the e-mail address.',
    path: ['password'],
  });
export type NewAccount = z.infer<typeof newAccountSchema>;

/** scrypt with better-auth's parameters, so that its sign-in verifies what we store. */
export async function hashPassword(password: string): Promise<string> {
  return await hashWithScrypt(password);
}

/** 24 characters, 144 bits. */
export function generatePassword(): string {
  return randomBytes(18).toString('base64url');
}
