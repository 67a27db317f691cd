import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Every path on which a champion could move, found in the source and not in a list that somebody must remember to write: the
 * modules that touch its tables, those that may call the moves, and what each of these asks for. What the paths answer is in
 * gate.db.test.ts; that the database refuses whatever goes around them is there, too.
 */

const root = path.resolve(import.meta.dirname, '../..');
const sources = globSync('{app,lib,db,scripts}/**/*.{ts,tsx}', { cwd: root })
  .map((file) => file.replaceAll(path.sep, '/'))
  .filter((file) => !/[.](test|spec)[.]tsx?$/.test(file) && !/^(lib|db)\/testing\//.test(file))
  .sort();
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const findUsers = (pattern: RegExp) => sources.filter((file) => pattern.test(read(file)));

/** The text of each exported action or route of a file. */
const splitExports = (text: string) => text.split(/^(?=export )/m);

describe('the champion', () => {
  it('is written by one repository, for one module', () => {
    // By drizzle's objects, under no other name, and by the tables' names in SQL.
    const writes = /\.(insert|update|delete)\(\s*(champions|championEvents)\b/;
    const aliases = /\bchampion(s|Events) as \w/;
    const statements = /\b(update|insert into|delete from|truncate( table)?)\s+"?champion(s|_events)\b"?/i;
    const wholeSchema = /import \* as \w+ from '[^']*(db\/schema\/|\/schema\/all)/;
    expect(findUsers(writes)).toEqual(['db/repositories/champions.ts']);
    expect(findUsers(aliases)).toEqual([]);
    expect(findUsers(statements)).toEqual([]);
    // drizzle's own list of tables, which reads relations.
    expect(findUsers(wholeSchema)).toEqual(['db/client.ts']);
    expect(findUsers(/\b(writeChampion|insertChampionEvent)\b/)).toEqual([
      'db/repositories/champions.ts',
      'lib/registry/promote.ts',
    ]);
  });

  it('is moved from nowhere but actions with the right to it, and the command line', () => {
    const moves = {
      promoteChampion: 'adapter.promote',
      rollBackChampion: 'adapter.promote',
      overrideChampion: 'gate.override',
    } as const;
    const callers = findUsers(/\b(promoteChampion|rollBackChampion|overrideChampion)\(/).filter(
      (file) => file !== 'lib/registry/promote.ts',
    );
    expect(callers).toContain('scripts/promote.ts');
    expect(callers).toContain('app/admin/[workspace]/adapters/actions.ts');
    // The command line cannot go around the gate at all.
    expect(read('scripts/promote.ts')).not.toContain('overrideChampion');
    const pages = callers.filter((file) => file !== 'scripts/promote.ts');
    // No page, job, feature or start script: only what the access matrix finds and tries with every credential.
    expect(pages.filter((file) => !/^app\/(.*\/)?(actions|route)[.]ts$/.test(file))).toEqual([]);
    const calls = pages.flatMap((file) =>
      splitExports(read(file)).flatMap((block) =>
        Object.entries(moves)
          .filter(([move]) => block.includes(`${move}(`))
          .map(([move, permission]) => ({ file, move, asksFor: block.includes(`permission: '${permission}'`) })),
      ),
    );
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.filter(({ asksFor }) => !asksFor)).toEqual([]);
  });

  it('is never named by jobs, training, blending, importing or shipping of adapters', () => {
    const makers = sources.filter((file) =>
      /^lib\/(jobs|training|lora|evaluation|chat)\/|^lib\/registry\/(import|perform|register|start|merged)/.test(file),
    );
    expect(makers.length).toBeGreaterThan(50);
    expect(makers.filter((file) => /from '.*\/promote[.]ts'/.test(read(file)))).toEqual([]);
  });
});
