'use client';

import { ErrorPage } from './_components/error-page.tsx';

export default function RootError({ error, retry }: { readonly error: unknown; readonly retry: () => void }) {
  return (
    <main>
      <ErrorPage error={error} retry={retry} />
    </main>
  );
}
