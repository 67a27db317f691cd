import type { CaseView, SideView } from './build-report.ts';
import type { EvaluationReport } from './read-evaluation.ts';

export const reportFormats = ['json', 'csv', 'junit'] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface ExportedReport {
  readonly text: string;
  readonly mediaType: string;
  readonly fileName: string;
}

/** A report as a file: JSON with everything, CSV with a line a case, JUnit XML for a pipeline's test view. */
export function exportReport(report: EvaluationReport, format: ReportFormat): ExportedReport {
  const name = `evaluation-${report.summary.id}`;
  switch (format) {
    case 'json':
      return {
        text: `${JSON.stringify(report, null, 2)}\n`,
        mediaType: 'application/json',
        fileName: `${name}.json`,
      };
    case 'csv':
      return { text: writeCsv(report.cases), mediaType: 'text/csv; charset=utf-8', fileName: `${name}.csv` };
    case 'junit':
      return { text: writeJunit(report), mediaType: 'application/xml', fileName: `${name}.xml` };
  }
}

/**
 * Quoted where needed. A cell that a spreadsheet would take for a formula gets an apostrophe before it: answers are written by
 * a model, from documents of anybody.
 */
function writeCell(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const describeReasons = (side: SideView) =>
  side.error ?? side.assertions.map(({ type, state, reason }) => `${type} ${state}: ${reason}`).join(' | ');

function writeCsv(cases: readonly CaseView[]): string {
  const head = [
    'suite',
    'case',
    'area',
    'question',
    'change',
    'champion',
    'challenger',
    'champion answer',
    'challenger answer',
    'champion reasons',
    'challenger reasons',
    'champion ms',
    'challenger ms',
  ];
  const rows = cases.map((each) => [
    each.suiteName,
    each.caseKey,
    each.testCase.area,
    each.testCase.question,
    each.change,
    each.champion.state,
    each.challenger.state,
    each.champion.answer?.text ?? null,
    each.challenger.answer?.text ?? null,
    describeReasons(each.champion),
    describeReasons(each.challenger),
    each.champion.latencyMs === null ? null : Math.round(each.champion.latencyMs),
    each.challenger.latencyMs === null ? null : Math.round(each.challenger.latencyMs),
  ]);
  return [head, ...rows].map((row) => `${row.map(writeCell).join(',')}\r\n`).join('');
}

/** Control characters have no place in XML 1.0, not even escaped. */
function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&apos;',
  };
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

function writeJunit(report: EvaluationReport): string {
  const suites = [...Map.groupBy(report.cases, ({ suiteName }) => suiteName)].map(([name, cases]) => {
    const failed = cases.filter(({ challenger }) => challenger.state === 'failed').length;
    const errored = cases.filter(({ challenger }) => ['errored', 'open'].includes(challenger.state)).length;
    const rows = cases.map(({ caseKey, testCase, title, challenger, change }) => {
      const time = ((challenger.latencyMs ?? 0) / 1000).toFixed(3);
      const open = `    <testcase classname="${escapeXml(testCase.area)}" name="${escapeXml(`${caseKey}: ${title}`)}" time="${time}"`;
      if (challenger.state === 'passed') return `${open}/>`;
      const element = challenger.state === 'failed' ? 'failure' : 'error';
      const text = `${describeReasons(challenger)}\nQuestion: ${testCase.question}\nAnswer: ${challenger.answer?.text ?? ''}`;
      return `${open}>\n      <${element} message="${escapeXml(change)}">${escapeXml(text)}</${element}>\n    </testcase>`;
    });
    return `  <testsuite name="${escapeXml(name)}" tests="${cases.length}" failures="${failed}" errors="${errored}">\n${rows.join('\n')}\n  </testsuite>`;
  });
  const verdict = escapeXml(report.summary.verdict ?? 'none');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escapeXml(report.summary.title)} (verdict: ${verdict})">\n${suites.join('\n')}\n</testsuites>\n`;
}
