'use client';

import { FileText, MessagesSquare, Snowflake, WandSparkles } from 'lucide-react';
import { Card } from '#app/_components/ui/page.tsx';
import { RunButtons, RunError } from '#app/_components/ui/run-buttons.tsx';
import { isMoving, RunProgress } from '#app/_components/ui/run-progress.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { RunView } from '#lib/jobs/manage-runs.ts';

interface ImportView {
  readonly id: string;
  readonly kind: 'upload' | 'conversations' | 'manuals' | 'style';
  readonly title: string;
  readonly report: {
    readonly read: number;
    readonly malformed: number;
    readonly empty: number;
    readonly rows: number;
    readonly personalData: Readonly<Record<string, number>>;
    readonly isCut: boolean;
  };
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
  readonly run: RunView | null;
}

const icons = { upload: FileText, conversations: MessagesSquare, manuals: WandSparkles, style: FileText } as const;
const personalNames: Readonly<Record<string, readonly [one: string, many: string]>> = {
  mail: ['mail address', 'mail addresses'],
  phone: ['phone number', 'phone numbers'],
  iban: ['IBAN', 'IBANs'],
  card: ['card number', 'card numbers'],
  ip: ['IP address', 'IP addresses'],
  name: ['name', 'names'],
};

function describeReport({ kind, report }: ImportView): string {
  const personal = Object.entries(report.personalData).map(
    ([name, count]) => `${count} ${personalNames[name]?.[count === 1 ? 0 : 1] ?? name}`,
  );
  const missing = report.malformed + report.empty;
  return [
    `${report.rows.toLocaleString('en')} ${report.rows === 1 ? 'row' : 'rows'} of ${report.read.toLocaleString('en')} read`,
    ...(missing > 0
      ? [kind === 'manuals' ? `${missing} times the model wrote nothing of use` : `${missing} left out`]
      : []),
    ...(personal.length > 0 ? [`replaced ${personal.join(', ')}`] : []),
    ...(report.isCut ? ['stopped at the most rows that a data set has'] : []),
  ].join(' · ');
}

export function ImportList({
  workspace,
  imports,
  freeze,
  canCancel,
  cancelRun,
  retryRun,
}: {
  readonly workspace: string;
  readonly imports: readonly ImportView[];
  readonly freeze: RunView | null;
  readonly canCancel: boolean;
  readonly cancelRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
  readonly retryRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
}) {
  useRefreshWhile(imports.some(({ run }) => isMoving(run)) || isMoving(freeze));
  const shownFreeze = freeze !== null && freeze.state !== 'succeeded' ? freeze : null;
  const controls = (run: RunView | null) =>
    canCancel ? (
      <RunButtons
        run={run}
        cancel={({ id }) => cancelRun({ workspace, runId: id })}
        retry={({ id }) => retryRun({ workspace, runId: id })}
      />
    ) : null;
  return (
    <Card className="mb-6">
      <h2 className="sr-only">Where rows came from</h2>
      <ul className="divide-y divide-line">
        {shownFreeze === null ? null : (
          <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
            <Snowflake aria-hidden className="size-4 shrink-0 text-ink-faint" />
            <div className="min-w-0 flex-1 basis-56">
              <p className="text-sm font-medium">
                {shownFreeze.state === 'failed'
                  ? 'Freezing stopped'
                  : shownFreeze.state === 'cancelled'
                    ? 'Freezing was cancelled'
                    : 'Freezing a version'}
              </p>
              <RunError run={shownFreeze} />
            </div>
            <RunProgress run={shownFreeze} />
            {shownFreeze.error?.code === 'dataset.overlaps-suite' ? null : controls(shownFreeze)}
          </li>
        )}
        {imports.map((intake) => {
          const Icon = icons[intake.kind];
          const { run } = intake;
          return (
            <li key={intake.id} className="px-4 py-3.5 sm:px-5">
              <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
                <Icon aria-hidden className="size-4 shrink-0 text-ink-faint" />
                <div className="min-w-0 flex-1 basis-56">
                  <p className="truncate text-sm font-medium">{intake.title}</p>
                  <p className="text-[0.8125rem] leading-snug text-ink-faint">{describeReport(intake)}</p>
                  <RunError run={run} />
                </div>
                <RunProgress run={run} />
                {controls(run)}
              </div>
              {intake.problems.length === 0 || intake.kind === 'manuals' ? null : (
                <details className="mt-2 pl-8 text-[0.8125rem]">
                  <summary className="text-ink-soft">
                    {intake.report.malformed + intake.report.empty === 1
                      ? 'One line is no row'
                      : `${(intake.report.malformed + intake.report.empty).toLocaleString('en')} lines are no rows`}
                  </summary>
                  <ul className="mt-1.5 max-h-48 overflow-y-auto text-ink-soft">
                    {intake.problems.map(({ line, reason }) => (
                      <li key={line} className="py-0.5">
                        <span className="tabular-nums text-ink-faint">Line {line}</span> {reason}
                      </li>
                    ))}
                  </ul>
                </details>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
