'use client';

import { CloudOff, TriangleAlert } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { Button } from './ui/button.tsx';

function subscribeToConnection(listener: () => void): () => void {
  window.addEventListener('online', listener);
  window.addEventListener('offline', listener);
  return () => {
    window.removeEventListener('online', listener);
    window.removeEventListener('offline', listener);
  };
}

/** Shown in the place of a page that failed. The digest finds the cause in the server's log. */
export function ErrorPage({ error, retry }: { readonly error: unknown; readonly retry: () => void }) {
  const isOnline = useSyncExternalStore(
    subscribeToConnection,
    () => navigator.onLine,
    () => true,
  );
  const digest =
    typeof error === 'object' && error !== null && 'digest' in error && typeof error.digest === 'string'
      ? error.digest
      : null;
  const Icon = isOnline ? TriangleAlert : CloudOff;
  return (
    <div role="alert" className="mx-auto flex min-h-[70dvh] max-w-lg flex-col justify-center px-6 py-16">
      <Icon aria-hidden className="size-7 text-brass" />
      <h1 className="mt-5 font-serif text-[2rem] font-semibold leading-tight">
        {isOnline ? 'This page could not be made' : 'You are offline'}
      </h1>
      <p className="mt-3 text-[0.9375rem] leading-relaxed text-ink-soft">
        {isOnline
          ? 'A part of Lorehouse did not answer. Nothing was lost; it usually comes back within seconds.'
          : 'Lorehouse cannot be reached from this device. The page comes back when the connection does.'}
      </p>
      {digest === null ? null : (
        <p className="mt-2 text-[0.8125rem] text-ink-faint">
          In the log under <code className="font-mono">{digest}</code>.
        </p>
      )}
      <div className="mt-7">
        <Button look="primary" onClick={() => retry()}>
          Try again
        </Button>
      </div>
    </div>
  );
}
