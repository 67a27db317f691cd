import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '../executor.ts';
import { setupLinks } from '../schema/auth.ts';

export interface SetupLinkRepository {
  /** Makes this the only unused link. */
  replace(link: { readonly tokenSha256: string; readonly expiresAt: Date }): Promise<void>;
  isOpen(tokenSha256: string): Promise<boolean>;
  /** Compare-and-set: of several submissions, one gets true; the others wait for its transaction and get false. */
  claim(tokenSha256: string): Promise<boolean>;
}

const isOpenLink = (tokenSha256: string) =>
  and(eq(setupLinks.tokenSha256, tokenSha256), isNull(setupLinks.usedAt), gt(setupLinks.expiresAt, sql`now()`));

export function createSetupLinkRepository(db: DatabaseExecutor): SetupLinkRepository {
  return {
    async replace(link) {
      await db.transaction(async (tx) => {
        await tx.delete(setupLinks).where(isNull(setupLinks.usedAt));
        await tx.insert(setupLinks).values(link);
      });
    },
    async isOpen(tokenSha256) {
      const rows = await db.select({ id: setupLinks.id }).from(setupLinks).where(isOpenLink(tokenSha256));
      return rows.length > 0;
    },
    async claim(tokenSha256) {
      const rows = await db
        .update(setupLinks)
        .set({ usedAt: sql`now()` })
        .where(isOpenLink(tokenSha256))
        .returning({ id: setupLinks.id });
      return rows.length > 0;
    },
  };
}
