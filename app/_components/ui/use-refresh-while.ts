'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';

/**
 * Ask the server for the page again and again while something on it moves. The state is the server's alone, so a reload, a
 * second tab and a sleeping laptop all end up right. A hidden tab does not ask.
 */
export function useRefreshWhile(isMoving: boolean, intervalMs = 1_500): void {
  const router = useRouter();
  useEffect(() => {
    if (!isMoving) return undefined;
    const refresh = () => {
      if (document.visibilityState === 'visible') router.refresh();
    };
    const timer = setInterval(refresh, intervalMs);
    document.addEventListener('visibilitychange', refresh);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
    };
  }, [isMoving, intervalMs, router]);
}
