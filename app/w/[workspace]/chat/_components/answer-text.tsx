'use client';

import type { ComponentProps, ReactNode } from 'react';
import { memo, useMemo } from 'react';
import Markdown, { type Components } from 'react-markdown';
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize';
import remarkGfm from 'remark-gfm';
import type { Citation, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import { citationElement, markAnswer, rehypePlaceMarks, unsupportedElement } from '../_state/answer-marks.ts';
import { CitationChip } from './citation-chip.tsx';
import { UnsupportedText } from './unsupported-text.tsx';

/** Documents and models are not trusted: nothing that loads, posts or frames is let through, whatever the default allows. */
const schema: typeof defaultSchema = {
  ...defaultSchema,
  tagNames: (defaultSchema.tagNames ?? []).filter(
    (tag) => !['img', 'input', 'picture', 'source', 'video'].includes(tag),
  ),
  protocols: { href: ['http', 'https', 'mailto'] },
};

const remarkPlugins = [remarkGfm];
const rehypePlugins: ComponentProps<typeof Markdown>['rehypePlugins'] = [[rehypeSanitize, schema], rehypePlaceMarks];

export const AnswerText = memo(function AnswerText({
  text,
  citations,
  unsupportedSpans,
  sources,
  onOpenSource,
}: {
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
  readonly sources: readonly Source[];
  readonly onOpenSource: (sourceNumber: number) => void;
}) {
  const marked = useMemo(() => markAnswer(text, { citations, unsupportedSpans }), [text, citations, unsupportedSpans]);
  const components = useMemo(() => {
    const own: Record<string, (props: { readonly index?: unknown; readonly children?: ReactNode }) => ReactNode> = {
      [citationElement]: ({ index }) => {
        const citation = citations[Number(index)];
        const source = sources.find((each) => each.number === citation?.sourceNumber);
        if (citation === undefined || source === undefined) return null;
        return (
          <>
            {/* Word joiner: the number never begins a line of its own. */}
            {'\u2060'}
            <CitationChip citation={citation} source={source} onOpen={onOpenSource} />
          </>
        );
      },
      [unsupportedElement]: ({ index, children }) => {
        const span = unsupportedSpans[Number(index)];
        return span === undefined ? children : <UnsupportedText span={span}>{children}</UnsupportedText>;
      },
    };
    const standard: Components = {
      a: ({ href, children }) =>
        href === undefined || href === '' ? (
          <span>{children}</span>
        ) : (
          <a href={href} target="_blank" rel="noopener noreferrer nofollow">
            {children}
          </a>
        ),
      table: ({ children }) => (
        // Scrolls sideways on a phone; focusable so that a keyboard can scroll it too.
        <section aria-label="Table" className="table-scroll" tabIndex={0}>
          <table>{children}</table>
        </section>
      ),
    };
    return { ...standard, ...own } as Components;
  }, [citations, unsupportedSpans, sources, onOpenSource]);

  return (
    <div className="answer">
      <Markdown remarkPlugins={remarkPlugins} rehypePlugins={rehypePlugins} components={components}>
        {marked}
      </Markdown>
    </div>
  );
});
