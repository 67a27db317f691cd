import path from 'node:path';

/** Suites that ship with the product, one file each. */
export const shippedSuitesDir = path.join(import.meta.dirname, '../../db/seeds/suites');
