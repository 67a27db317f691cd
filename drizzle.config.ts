import { defineConfig } from 'drizzle-kit';

/** `drizzle-kit generate --name <what-changes>`: migrations carry names; nothing here connects to a database. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './db/schema/all.ts',
  out: './db/migrations',
  strict: true,
});
