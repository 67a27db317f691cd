'use client';

import { Microscope } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Popover } from '#app/_components/ui/popover.tsx';
import type { MessageView } from '#lib/domain/chat.ts';
import { useChat } from './chat-provider.tsx';

function formatDuration(ms: number | null): string {
  if (ms === null) return 'none';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const shortHash = (hash: string) => hash.slice(0, 12);

function Row({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="grid grid-cols-[7.5rem_1fr] gap-3 py-1.5">
      <dt className="text-ink-faint">{label}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  );
}

function Hash({ value }: { readonly value: string | null }) {
  if (value === null) return null;
  return (
    <span className="block font-mono text-xs text-ink-faint" title={value}>
      {shortHash(value)}
    </span>
  );
}

/** Its name for those who may see adapters; the hash below it is for everyone. */
function AdapterName({ sha256 }: { readonly sha256: string }) {
  const { slug, adapterNames } = useChat();
  const known = adapterNames[sha256];
  if (known === undefined) return null;
  if (known.versionId === null) return <>{known.label} (deleted)</>;
  return (
    <Link className="underline underline-offset-4" href={`/admin/${slug}/adapters/versions/${known.versionId}`}>
      {known.label}
    </Link>
  );
}

/** What produced an answer, as stored with it. */
export function ProvenancePopover({ message }: { readonly message: MessageView }) {
  const { provenance } = message;
  if (provenance === null) return null;
  const { timingsMs, usage } = provenance;
  const documents = [...new Set(message.sources.map((source) => source.documentTitle))];
  return (
    <Popover
      label="What answered this"
      trigger={
        <Button look="quiet" size="sm" className="px-2">
          <Microscope aria-hidden />
          <span className="max-sm:sr-only">What answered this</span>
        </Button>
      }
      className="max-h-[min(32rem,70vh)] overflow-y-auto"
    >
      <h3 className="font-serif text-base font-semibold">What answered this</h3>
      <dl className="mt-2 divide-y divide-line text-[0.8125rem]">
        <Row label="Base model">
          {provenance.baseModel ?? 'None: quoted from the documents'}
          <Hash value={provenance.baseSha256} />
        </Row>
        <Row label="Adapter">
          {provenance.adapterSha256 === null ? (
            'None: the base model alone'
          ) : (
            <>
              <AdapterName sha256={provenance.adapterSha256} />
              <Hash value={provenance.adapterSha256} />
            </>
          )}
        </Row>
        <Row label="Prompt">{provenance.promptVersion}</Row>
        <Row label="Searched for">“{provenance.searchQuery}”</Row>
        <Row label="Embedding">{provenance.embeddingModel}</Row>
        <Row label="Documents">{documents.length === 0 ? 'None' : documents.join(', ')}</Row>
        <Row label="Support">
          <span className="flex items-center gap-2">
            <span className="h-1.5 w-20 overflow-hidden rounded-full bg-sunken">
              <span
                className="block h-full rounded-full bg-accent"
                style={{ width: `${Math.round(Math.min(1, Math.max(0, provenance.supportScore)) * 100)}%` }}
              />
            </span>
            <span className="tabular-nums">{provenance.supportScore.toFixed(2)}</span>
          </span>
        </Row>
        <Row label="Time">
          {formatDuration(timingsMs.total)} in all
          <span className="block text-xs text-ink-faint">
            search {formatDuration(timingsMs.retrieval)} · queue {formatDuration(timingsMs.queue)} · reading{' '}
            {formatDuration(timingsMs.prefill)} · writing {formatDuration(timingsMs.decode)}
          </span>
        </Row>
        {usage === null ? null : (
          <Row label="Tokens">
            {usage.promptTokens} read ({usage.cachedPromptTokens} from cache), {usage.completionTokens} written
          </Row>
        )}
        <Row label="Settings">
          <span className="font-mono text-xs text-ink-faint">{provenance.answerConfigId.slice(-12)}</span>
        </Row>
      </dl>
    </Popover>
  );
}
