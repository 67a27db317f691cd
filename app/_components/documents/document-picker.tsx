'use client';

/** Choose among documents; choosing none means all. */
export function DocumentPicker({
  documents,
  chosen,
  onChange,
}: {
  readonly documents: readonly { readonly id: string; readonly title: string }[];
  /** Ids. */
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}) {
  return (
    <fieldset>
      <legend className="text-sm font-medium">Documents</legend>
      <ul className="mt-2 max-h-44 overflow-y-auto rounded-md border border-line px-3 py-1.5 text-sm">
        {documents.map(({ id, title }) => (
          <li key={id}>
            <label className="flex items-center gap-2.5 py-1">
              <input
                type="checkbox"
                className="size-4 shrink-0 accent-accent"
                checked={chosen.includes(id)}
                onChange={() =>
                  onChange(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id])
                }
              />
              <span className="truncate">{title}</span>
            </label>
          </li>
        ))}
      </ul>
      <p className="mt-1.5 text-[0.8125rem] text-ink-faint">None chosen means all.</p>
    </fieldset>
  );
}
