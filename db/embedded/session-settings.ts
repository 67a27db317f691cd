import type { Engine } from './engine.ts';
import { ProtocolViolation } from './protocol.ts';

/** Run-time settings that differ from the server's defaults, by name. */
export type SessionSettings = ReadonlyMap<string, string>;

export const NO_SETTINGS: SessionSettings = new Map();

/** Parameters of a startup packet that are no settings, or that this server answers itself. */
const CONNECTION_PARAMETERS = new Set(['user', 'database', 'application_name', 'client_encoding', 'replication']);

export function areEqualSettings(a: SessionSettings, b: SessionSettings): boolean {
  return a === b || (a.size === b.size && [...a].every(([name, value]) => b.get(name) === value));
}

/** What the session has set by now. Custom settings of no extension (`my.name`) are not listed by the engine. */
export function readSessionSettings(engine: Engine): SessionSettings {
  const rows = engine.query(
    "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name !~ '^transaction_'",
  );
  return new Map(rows.map(([name, value]) => [name ?? '', value ?? '']));
}

/**
 * Replace the session's settings by a client's.
 * @throws Error when the engine refuses a value
 */
export function applySessionSettings(engine: Engine, settings: SessionSettings): void {
  engine.query('RESET ALL');
  for (const [name, value] of settings) {
    engine.query(`SELECT set_config(${quote(name)}, ${quote(value)}, false)`);
  }
}

/**
 * Settings that a client asks for in its startup packet, `options` included.
 * @throws ProtocolViolation for `options` other than `-c name=value` and `--name=value`
 */
export function readStartupSettings(parameters: ReadonlyMap<string, string>): SessionSettings {
  const settings = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (name === 'options') readOptions(value, settings);
    else if (!CONNECTION_PARAMETERS.has(name) && !name.startsWith('_pq_.')) settings.set(name.toLowerCase(), value);
  }
  return settings;
}

function readOptions(options: string, settings: Map<string, string>): void {
  // A backslash protects the next character, so that values may hold spaces.
  const words = options.match(/(?:\\[\s\S]|[^\s\\])+/g)?.map((word) => word.replace(/\\([\s\S])/g, '$1')) ?? [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] === '-c' ? words[(i += 1)] : words[i]?.replace(/^(-c|--)(?=\w)/, '');
    const match = /^([\w.-]+)=([\s\S]*)$/.exec(word ?? '');
    if (match === null) throw new ProtocolViolation(`invalid option in startup packet: ${options}`, '22023');
    settings.set((match[1] ?? '').replaceAll('-', '_').toLowerCase(), match[2] ?? '');
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`.replace(/^(?=.*\\)/s, 'E');
}
