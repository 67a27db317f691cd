import { Ban, CircleAlert, CircleCheck, Clock, Replace } from 'lucide-react';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { assertNever } from '#lib/domain/errors.ts';
import type { DocumentView } from '#lib/ingestion/read-documents.ts';
import { nameStage } from './describe-document.ts';

export function DocumentState({ document }: { readonly document: DocumentView }) {
  if (document.supersededBy !== null && document.state === 'ready') {
    return (
      <Badge>
        <Replace aria-hidden />
        Superseded
      </Badge>
    );
  }
  switch (document.state) {
    case 'ready':
      return (
        <Badge tone="accent">
          <CircleCheck aria-hidden />
          Indexed
        </Badge>
      );
    case 'queued':
      return (
        <Badge>
          <Clock aria-hidden />
          Queued
        </Badge>
      );
    case 'processing':
    case 'updating': {
      const { progress } = document;
      const label = nameStage(progress?.stage ?? null);
      const total = progress?.total ?? 0;
      return (
        <div className="w-36">
          <p className="mb-1 flex justify-between gap-2 text-xs text-ink-soft">
            <span>{label}</span>
            {total > 0 ? (
              <span className="tabular-nums">
                {progress?.done} / {total}
              </span>
            ) : null}
          </p>
          <Progress label={`${label}: ${document.title}`} value={total > 0 ? (progress?.done ?? 0) / total : null} />
        </div>
      );
    }
    case 'failed':
      return (
        <Badge tone="danger">
          <CircleAlert aria-hidden />
          Failed
        </Badge>
      );
    case 'cancelled':
      return (
        <Badge tone="warn">
          <Ban aria-hidden />
          Cancelled
        </Badge>
      );
    default:
      return assertNever(document.state);
  }
}
