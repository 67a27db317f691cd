import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blankLiterals, classifySql } from './classify-sql.ts';

describe('classifySql', () => {
  it.each([
    'COPY t FROM STDIN',
    'copy t (a, "from stdin") from stdin with (format csv)',
    'select 1; /* note */ copy t from /* x */ stdin',
    'LISTEN news',
    '-- first\nlisten news',
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_lock_shared (1, 2)',
    'PREPARE q AS SELECT 1',
    'deallocate all',
    'DISCARD ALL',
  ])('refuses %j', (sql) => {
    expect(classifySql(sql).refusal).not.toBeNull();
  });

  it.each([
    'COPY (SELECT 1) TO STDOUT',
    "select 'copy t from stdin'",
    "select 'a''; listen x; --'",
    String.raw`select E'a\'; listen x'`,
    'select $$ ; listen x; $$',
    'select $tag$ $$; listen x; $tag$',
    'select 1 as "; listen x"',
    '/* outer /* inner */ ; listen x; */ select 1',
    '-- ; listen x\nselect 1',
    'select pg_advisory_xact_lock(1)',
    'select pg_try_advisory_xact_lock(1)',
    'update t set listen = $1',
    'select a$b$c; select 1',
  ])('lets %j through', (sql) => {
    expect(classifySql(sql)).toEqual({ refusal: null, touchesSettings: false });
  });

  it.each([
    ["set work_mem = '8MB'", true],
    ['SET SESSION work_mem TO 1', true],
    ['reset all', true],
    ["select set_config('work_mem', '8MB', false)", true],
    ["select set_config('work_mem', '8MB', true)", false],
    ['select set_config($1, $2, true) is not null', false],
    ['select set_config($1, $2, $3)', true],
    ["select set_config('a.b', '1', true), set_config('a.b', '2', false)", true],
    ["select set_config('a.b', lower('X, Y, true'), false)", true],
    ['set local hnsw.ef_search = 100', false],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', false],
    ['begin; set local work_mem = 1; commit', false],
    ["select 'set x = 1'", false],
  ])('%j may leave a setting behind: %s', (sql, touchesSettings) => {
    expect(classifySql(sql).touchesSettings).toBe(touchesSettings);
  });

  it('takes any text', () => {
    const pieces = fc.constantFrom("'", '"', '$$', '$a$', '/*', '*/', '--', '\n', "e'", '\\', ';', 'listen x', ' ');
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
        const sql = parts.join('');
        expect(typeof blankLiterals(sql)).toBe('string');
        expect(classifySql(sql)).toHaveProperty('refusal');
      }),
    );
  });
});
