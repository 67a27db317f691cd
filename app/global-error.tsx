'use client';

import './globals.css';
import { ErrorPage } from './_components/error-page.tsx';

/** The root layout itself failed: this page brings its own document. */
export default function GlobalError({ error, retry }: { readonly error: unknown; readonly retry: () => void }) {
  return (
    <html lang="en">
      <body>
        <title>Lorehouse</title>
        <main>
          <ErrorPage error={error} retry={retry} />
        </main>
      </body>
    </html>
  );
}
