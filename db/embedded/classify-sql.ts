/**
 * What the bridge must know about a statement before the engine sees it. All clients share one session, so a statement that
 * would act on the session behind the other clients' backs is refused with a clear error instead of half working.
 */
export interface SqlClass {
  readonly refusal: SqlRefusal | null;
  /** May leave a session setting behind (`SET`, `RESET`, `set_config`); `SET LOCAL` and `set_config(…, true)` do not. */
  readonly touchesSettings: boolean;
}

export interface SqlRefusal {
  readonly message: string;
  readonly hint: string;
}

const PLAIN: SqlClass = { refusal: null, touchesSettings: false };

/** Most statements hold none of these words and need no second look. */
const SUSPECT = /\b(copy|listen|prepare|deallocate|discard|set|reset|set_config)\b|advisory_lock/i;

const REFUSALS: readonly (SqlRefusal & { readonly pattern: RegExp })[] = [
  {
    // The engine reads its input without being able to wait for it, so it would stop at the first missing CopyData.
    pattern: /^\s*copy\b[\s\S]*\bfrom\s+stdin\b/i,
    message: 'COPY FROM STDIN is not available on the embedded database',
    hint: 'Insert with unnest() over arrays, or set DATABASE_URL to a PostgreSQL server.',
  },
  {
    pattern: /^\s*listen\b/i,
    message: 'LISTEN is not available on the embedded database',
    hint: 'Poll a row, or set DATABASE_URL to a PostgreSQL server.',
  },
  {
    pattern: /\bpg_(try_)?advisory_lock(_shared)?\s*\(/i,
    message: 'session advisory locks are not available on the embedded database, whose clients share one session',
    hint: 'Use pg_advisory_xact_lock() or a row lock inside a transaction.',
  },
  {
    pattern: /^\s*(prepare|deallocate|discard)\b/i,
    message:
      'PREPARE, DEALLOCATE and DISCARD are not available on the embedded database, whose clients share one session',
    hint: "Use the driver's prepared statements; they are kept apart for each client.",
  },
];

/** Constants are blanks by then; a `set_config` with plain arguments of which the last is `true` ends with its transaction. */
const SESSION_SETTING =
  /^\s*(reset\b|set\s+(?!local\b|transaction\b|constraints\b))|\bset_config\s*\((?![^(),]*,[^(),]*,\s*true\s*\))/i;

/** @param sql one statement or several */
export function classifySql(sql: string): SqlClass {
  if (!SUSPECT.test(sql)) return PLAIN;
  let touchesSettings = false;
  for (const statement of blankLiterals(sql).split(';')) {
    for (const { pattern, message, hint } of REFUSALS) {
      if (pattern.test(statement)) return { refusal: { message, hint }, touchesSettings };
    }
    touchesSettings ||= SESSION_SETTING.test(statement);
  }
  return { refusal: null, touchesSettings };
}

/** One alternative a kind of text that is not SQL to run; an unfinished one reaches to the end, as in PostgreSQL's scanner. */
const LITERAL = new RegExp(
  [
    String.raw`--[^\n]*`,
    String.raw`\/\*`,
    String.raw`\b[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)`,
    String.raw`'(?:[^']|'')*(?:'|$)`,
    String.raw`"(?:[^"]|"")*(?:"|$)`,
    String.raw`(?<![\w$])\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$`,
  ].join('|'),
  'gu',
);

/** The same SQL with comments, string constants and quoted names replaced by blanks. */
export function blankLiterals(sql: string): string {
  let result = '';
  let position = 0;
  LITERAL.lastIndex = 0;
  for (let match = LITERAL.exec(sql); match !== null; match = LITERAL.exec(sql)) {
    const text = match[0];
    let end = match.index + text.length;
    if (text === '/*') end = findCommentEnd(sql, end);
    else if (text.startsWith('$')) end = findEnd(sql, text, end);
    result += `${sql.slice(position, match.index)} `;
    position = end;
    LITERAL.lastIndex = end;
  }
  return result + sql.slice(position);
}

function findEnd(sql: string, closing: string, from: number): number {
  const at = sql.indexOf(closing, from);
  return at === -1 ? sql.length : at + closing.length;
}

/** Block comments nest in PostgreSQL. */
function findCommentEnd(sql: string, from: number): number {
  let depth = 1;
  let position = from;
  while (depth > 0) {
    const close = sql.indexOf('*/', position);
    if (close === -1) return sql.length;
    const open = sql.indexOf('/*', position);
    if (open !== -1 && open < close) {
      depth += 1;
      position = open + 2;
    } else {
      depth -= 1;
      position = close + 2;
    }
  }
  return position;
}
