'use client';

import { useCallback, useState, useTransition } from 'react';
import type { ActionResult } from '#app/_server/action.ts';

const unreachable = 'Lorehouse cannot be reached. Nothing was changed; check your connection and try again.';

/** Run a server action: pending state, the expected error as words, and a lost connection as words too. */
export function useAction<I, O>(
  action: (input: I) => Promise<ActionResult<O>>,
): {
  readonly isPending: boolean;
  readonly error: string | null;
  readonly clearError: () => void;
  readonly run: (input: I, onDone: (data: O) => void) => void;
} {
  const [isPending, startTransition] = useTransition();
  const [error, setError] = useState<string | null>(null);
  const run = useCallback(
    (input: I, onDone: (data: O) => void) => {
      startTransition(async () => {
        try {
          const result = await action(input);
          setError(result.ok ? null : result.error.message);
          if (result.ok) onDone(result.data);
        } catch {
          setError(unreachable);
        }
      });
    },
    [action],
  );
  const clearError = useCallback(() => setError(null), []);
  return { isPending, error, clearError, run };
}
