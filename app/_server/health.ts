import { AppError } from '#lib/domain/errors.ts';

export const partNames = ['database', 'runtime', 'worker', 'web'] as const;
export type PartName = (typeof partNames)[number];

/** What everyone may see of a part: no versions, paths or addresses. */
export interface PartHealth {
  readonly state: 'ready' | 'degraded' | 'starting' | 'down';
  /** In words; null when ready. */
  readonly reason: string | null;
}

export interface Health {
  readonly status: 'ready' | 'not-ready';
  readonly parts: Readonly<Record<PartName, PartHealth>>;
}

/** Asks one part. Throwing means that it is down. */
export type HealthProbe = (signal: AbortSignal) => Promise<PartHealth>;

export type HealthProbes = Readonly<Record<Exclude<PartName, 'web'>, HealthProbe>>;

/** A part that needs longer than this is down for whoever waits for an answer. */
const PROBE_TIMEOUT_MS = 2000;

async function ask(name: PartName, probe: HealthProbe): Promise<PartHealth> {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const timeout = new Promise<PartHealth>((resolve) => {
    signal.addEventListener('abort', () => resolve({ state: 'down', reason: `the ${name} does not answer` }));
  });
  try {
    return await Promise.race([probe(signal), timeout]);
  } catch (error) {
    // A message of ours is written for people; any other may hold addresses or names.
    const reason = AppError.isInstance(error) ? error.userMessage : `the ${name} cannot be reached`;
    return { state: 'down', reason };
  }
}

/** A degraded part still serves, so it keeps nobody waiting. */
export async function readHealth(probes: HealthProbes): Promise<Health> {
  const [database, runtime, worker] = await Promise.all([
    ask('database', probes.database),
    ask('runtime', probes.runtime),
    ask('worker', probes.worker),
  ]);
  const web: PartHealth = { state: 'ready', reason: null };
  const isReady = [database, runtime, worker].every(({ state }) => state === 'ready' || state === 'degraded');
  return { status: isReady ? 'ready' : 'not-ready', parts: { database, runtime, worker, web } };
}
