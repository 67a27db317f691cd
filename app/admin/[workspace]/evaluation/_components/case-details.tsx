import { CircleCheck, CircleHelp, CircleX } from 'lucide-react';
import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import type { CaseView, SideView } from '#lib/evaluation/build-report.ts';
import { changeWords, stateWords } from '../_state/verdict-words.ts';
import { CaseSourceNote } from './case-source.tsx';
import { CopyLink } from './copy-link.tsx';

const checkLooks = {
  passed: { Icon: CircleCheck, ink: 'text-accent-text' },
  failed: { Icon: CircleX, ink: 'text-danger' },
  errored: { Icon: CircleHelp, ink: 'text-warn' },
} as const;

function Side({ place, name, side }: { readonly place: string; readonly name: string; readonly side: SideView }) {
  const { label, tone } = stateWords[side.state];
  const { answer } = side;
  return (
    <div className="min-w-0 rounded-lg border border-line bg-paper p-3.5 sm:p-4">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Badge tone={tone}>
          {label}
          {side.repeats > 1 ? ` ${side.passedRepeats} of ${side.repeats}` : ''}
        </Badge>
        <span className="text-xs text-ink-faint">
          {place} · {name}
        </span>
      </div>
      {answer === null ? (
        <p className="mt-3 text-sm italic text-ink-faint">
          {side.error ?? (side.state === 'open' ? 'Not asked.' : 'Nothing was written: likelihoods were compared.')}
        </p>
      ) : (
        <p className="mt-3 whitespace-pre-wrap text-sm leading-relaxed [overflow-wrap:anywhere]">
          {answer.text === '' ? <em className="text-ink-faint">An empty answer.</em> : answer.text}
        </p>
      )}
      {side.error !== null && answer !== null ? <p className="mt-2 text-sm text-danger">{side.error}</p> : null}
      {side.assertions.length === 0 ? null : (
        <ul aria-label={`Checks of ${place}`} className="mt-3 flex flex-col gap-1.5 border-t border-line pt-3">
          {side.assertions.map(({ type, state, reason }) => {
            const { Icon, ink } = checkLooks[state];
            return (
              <li key={`${type}-${reason}`} className="flex gap-2 text-[0.8125rem] leading-snug">
                <Icon aria-hidden className={classNames('mt-0.5 size-3.5 shrink-0', ink)} />
                <span className="min-w-0 [overflow-wrap:anywhere]">
                  <code className="font-mono text-xs text-ink-faint">{type}</code> {reason}
                </span>
              </li>
            );
          })}
        </ul>
      )}
      {answer === null || answer.sources.length === 0 ? null : (
        <details className="mt-3 text-[0.8125rem]">
          <summary className="text-ink-soft">
            {answer.sources.length} {answer.sources.length === 1 ? 'source' : 'sources'}, {answer.citations.length}{' '}
            cited
          </summary>
          <ol className="mt-2 flex flex-col gap-2">
            {answer.sources.map((source) => (
              <li key={source.number} className="border-l-2 border-line-strong pl-3 leading-snug">
                <p className="font-medium">
                  [{source.number}] {source.documentTitle}, page {source.pageNumber}
                  {answer.citations.some(({ sourceNumber }) => sourceNumber === source.number) ? ' · cited' : ''}
                </p>
                <p className="text-ink-soft [overflow-wrap:anywhere]">{source.text}</p>
              </li>
            ))}
          </ol>
        </details>
      )}
      <p className="mt-3 text-xs tabular-nums text-ink-faint">
        {[
          ...(side.latencyMs === null ? [] : [`${(side.latencyMs / 1000).toFixed(1)} s`]),
          ...(answer?.completionTokens == null ? [] : [`${answer.completionTokens} tokens`]),
          ...(answer?.supportScore == null ? [] : [`support ${answer.supportScore.toFixed(2)}`]),
          ...(side.isCached ? ['kept from an earlier run'] : []),
        ].join(' · ')}
      </p>
    </div>
  );
}

/** One case with both answers side by side. */
export function CaseDetails({
  workspace,
  evaluationId,
  view,
  championName,
  challengerName,
  isOpen,
}: {
  readonly workspace: string;
  readonly evaluationId: string;
  readonly view: CaseView;
  readonly championName: string;
  readonly challengerName: string;
  readonly isOpen: boolean;
}) {
  const { testCase, caseKey, suiteId, suiteName, alone } = view;
  const change = changeWords[view.change];
  const suite = `/admin/${workspace}/evaluation/suites/${suiteId}`;
  return (
    <details open={isOpen} id={`case-${caseKey}`} className="group scroll-mt-20 print:break-inside-avoid">
      <summary className="flex items-start gap-3 px-4 py-3.5 text-sm hover:bg-sunken/40 sm:px-5">
        <span className="min-w-0 flex-1">
          <span className="font-medium [overflow-wrap:anywhere]">{view.title}</span>
          <span className="mt-0.5 block text-xs text-ink-faint">
            {[suiteName, testCase.area, ...testCase.tags].join(' · ')}
          </span>
        </span>
        {testCase.isMustPass ? <Badge tone="warn">must pass</Badge> : null}
        <Badge tone={change.tone}>{change.label}</Badge>
      </summary>
      <div className="px-4 pb-5 sm:px-5">
        {testCase.history.length === 0 ? null : (
          <ol className="mb-3 flex flex-col gap-1 border-l-2 border-line-strong pl-3 text-[0.8125rem] leading-snug text-ink-soft">
            {testCase.history.map(({ role, content }, index) => (
              <li key={`${index}-${content.slice(0, 20)}`}>
                <strong className="font-medium">{role === 'user' ? 'Person' : 'Assistant'}:</strong> {content}
              </li>
            ))}
          </ol>
        )}
        {testCase.question === view.title ? null : (
          <p className="mb-3 whitespace-pre-wrap font-serif text-base leading-relaxed [overflow-wrap:anywhere]">
            {testCase.question}
          </p>
        )}
        {testCase.source === undefined ? null : (
          <div className="mb-3">
            <CaseSourceNote workspace={workspace} source={testCase.source} isLinked={view.isSourceHere} />
          </div>
        )}
        <div className="grid gap-3 md:grid-cols-2">
          <Side place="serves now" name={championName} side={view.champion} />
          <Side place="challenger" name={challengerName} side={view.challenger} />
        </div>
        {alone.champion === null && alone.challenger === null ? null : (
          <p className="mt-3 text-[0.8125rem] text-ink-soft">
            Without any sources: {championName} {alone.champion === true ? 'passes' : 'fails'}, {challengerName}{' '}
            {alone.challenger === true ? 'passes' : 'fails'}.
          </p>
        )}
        <p className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-1 text-[0.8125rem] print:hidden">
          <Link className="underline underline-offset-4" href={`${suite}/cases/${caseKey}`}>
            History of this case
          </Link>
          <Link className="underline underline-offset-4" href={`${suite}?case=${caseKey}`}>
            Open in its suite
          </Link>
          <CopyLink
            path={`/admin/${workspace}/evaluation/runs/${evaluationId}?case=${caseKey}`}
            look="link"
            size="none"
            className="text-[0.8125rem] [&_svg]:size-3.5"
          />
        </p>
      </div>
    </details>
  );
}
