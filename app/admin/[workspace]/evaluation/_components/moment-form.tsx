'use client';

import { useRouter } from 'next/navigation';
import { useState, useSyncExternalStore } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';

/** `2026-03-03T14:05` on the reader's own clock, as the control wants it. */
function toLocal(instant: Date): string {
  return new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const never = () => () => undefined;

/** The moment that is asked about. Written on the reader's clock, sent as an instant, so that a link means the same everywhere. */
export function MomentForm({ path, at }: { readonly path: string; readonly at: string | null }) {
  const router = useRouter();
  const [edited, setEdited] = useState<string | null>(null);
  // The server does not know the reader's clock.
  const initial = useSyncExternalStore(
    never,
    () => (at === null ? '' : toLocal(new Date(at))),
    () => '',
  );
  const value = edited ?? initial;
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        const instant = new Date(value);
        if (Number.isFinite(instant.getTime())) router.push(`${path}?at=${encodeURIComponent(instant.toISOString())}`);
      }}
    >
      <Field label="Date and time">
        {(ids) => (
          <Input
            {...ids}
            type="datetime-local"
            required
            className="w-60"
            value={value}
            onChange={(event) => setEdited(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" look="primary" disabled={value === ''}>
        Show
      </Button>
    </form>
  );
}
