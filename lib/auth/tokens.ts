import { createHash, randomBytes, randomInt } from 'node:crypto';

/** Bytes of randomness in links and keys: 256 bits, so that guessing needs no rate limit to be hopeless. */
const TOKEN_BYTES = 32;
const API_KEY_PREFIX_LENGTH = 8;
const PREFIX_ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** 43 characters, base64url. */
export function createToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** Hex. A plain hash is enough for a token of 256 random bits; slow hashes are for passwords. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** `lh_<prefix>_<43 characters>`; only `lh_<prefix>` is stored in the clear, to recognise the key in a list. */
export function createApiKeyToken(): { readonly token: string; readonly prefix: string } {
  const letters = Array.from({ length: API_KEY_PREFIX_LENGTH }, () =>
    PREFIX_ALPHABET.charAt(randomInt(PREFIX_ALPHABET.length)),
  );
  const prefix = `lh_${letters.join('')}`;
  return { token: `${prefix}_${createToken()}`, prefix };
}

const API_KEY_PATTERN = /^lh_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/;

/** Cheap test before the database is asked. */
export function looksLikeApiKey(token: string): boolean {
  return API_KEY_PATTERN.test(token);
}
