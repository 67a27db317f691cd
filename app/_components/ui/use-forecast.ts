'use client';

import { useEffect, useState } from 'react';
import type { ActionResult } from '#app/_server/action.ts';

/** Typing settles for this long before the server is asked. */
const SETTLE_MS = 250;

/**
 * What something would cost, asked again whenever the input changes. Only the newest answer counts.
 * @param input null: it is not valid yet, and nothing is asked
 * @returns null until there is an answer; an error as words in its place
 */
export function useForecast<I, O>(
  forecast: (input: I) => Promise<ActionResult<O>>,
  input: I | null,
): { readonly data: O | null; readonly error: string | null } {
  const [answer, setAnswer] = useState<{ readonly data: O | null; readonly error: string | null }>({
    data: null,
    error: null,
  });
  const key = input === null ? null : JSON.stringify(input);
  useEffect(() => {
    if (key === null) return undefined;
    let isCurrent = true;
    const asked: I = JSON.parse(key);
    const ask = async () => {
      const result = await forecast(asked).catch(() => null);
      if (!isCurrent) return;
      if (result?.ok === true) setAnswer({ data: result.data, error: null });
      else setAnswer({ data: null, error: result === null ? 'Lorehouse cannot be reached.' : result.error.message });
    };
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [key, forecast]);
  return answer;
}
