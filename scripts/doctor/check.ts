/** One precondition and how it stands. */
export interface CheckResult {
  /** Stable, for scripts that read `--json`. */
  readonly id: string;
  readonly title: string;
  /** `failed`: the product or its tests cannot work. `warning`: they can, but worse or later than they should. */
  readonly status: 'ok' | 'warning' | 'failed';
  /** What was found, with numbers. */
  readonly detail: string;
  /** What to do; null when nothing is to be done. */
  readonly remedy: string | null;
}

/** A check finds what it finds; only an unexpected error is thrown, and then becomes a failed check. */
export interface Check {
  readonly id: string;
  readonly title: string;
  run(): Promise<Omit<CheckResult, 'id' | 'title'>>;
}

export const ok = (detail: string) => ({ status: 'ok', detail, remedy: null }) as const;
export const warning = (detail: string, remedy: string) => ({ status: 'warning', detail, remedy }) as const;
export const failed = (detail: string, remedy: string) => ({ status: 'failed', detail, remedy }) as const;

/** Run all checks, in the order given; one that throws does not hide the others. */
export async function runChecks(checks: readonly Check[]): Promise<readonly CheckResult[]> {
  return Promise.all(
    checks.map(async (check) => {
      const { id, title } = check;
      try {
        return { id, title, ...(await check.run()) };
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        return { id, title, ...failed(detail, 'Report this with the output of npm run doctor -- --json.') };
      }
    }),
  );
}
