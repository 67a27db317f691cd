'use client';

import { type ComponentProps, createContext, memo, type ReactNode, useContext, useMemo } from 'react';
import Markdown, { type Components } from 'react-markdown';
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize';
import remarkGfm from 'remark-gfm';
import type { Citation, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import { citationElement, markAnswer, rehypePlaceMarks, unsupportedElement } from '../_state/answer-marks.ts';
import { standsInTexts } from '../_state/find-address.ts';
import { CitationChip } from './citation-chip.tsx';
import { UnsupportedText } from './unsupported-text.tsx';

/** Documents and models are not trusted: nothing that loads, posts or frames is let through, whatever the default allows. */
const refusedTags: readonly string[] = ['img', 'input', 'picture', 'source', 'video'];
const schema: typeof defaultSchema = {
  ...defaultSchema,
  tagNames: (defaultSchema.tagNames ?? []).filter((tag) => !refusedTags.includes(tag)),
  protocols: { href: ['http', 'https', 'mailto'] },
};

const remarkPlugins = [remarkGfm];
const rehypePlugins: ComponentProps<typeof Markdown>['rehypePlugins'] = [[rehypeSanitize, schema], rehypePlaceMarks];

interface Marked {
  readonly messageId: string;
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
  readonly sources: readonly Source[];
  readonly onOpenSource: (sourceNumber: number) => void;
}

const MarkedContext = createContext<Marked | null>(null);

function CitationMark({ index }: { readonly index?: unknown }) {
  const marked = useContext(MarkedContext);
  const citation = marked?.citations[Number(index)];
  const source = marked?.sources.find((each) => each.number === citation?.sourceNumber);
  if (marked === null || citation === undefined || source === undefined) return null;
  return <CitationChip citation={citation} source={source} onOpen={marked.onOpenSource} />;
}

function UnsupportedMark({ index, children }: { readonly index?: unknown; readonly children?: ReactNode }) {
  const marked = useContext(MarkedContext);
  const span = marked?.unsupportedSpans[Number(index)];
  if (marked === null || span === undefined) return children;
  return (
    <UnsupportedText span={span} messageId={marked.messageId}>
      {children}
    </UnsupportedText>
  );
}

/** A link that stands in a source, and where it leads; the words alone of one that does not. */
function SafeLink({ href, children }: { readonly href?: string | undefined; readonly children?: ReactNode }) {
  const marked = useContext(MarkedContext);
  const texts = marked?.sources.map((source) => source.text) ?? [];
  if (href === undefined || !standsInTexts(href, texts)) {
    return <span title="No source has this address, so it is not a link">{children}</span>;
  }
  const host = URL.canParse(href) ? new URL(href).host : '';
  const isNamed = typeof children === 'string' && children.includes(host);
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow">
        {children}
      </a>
      {isNamed ? null : ` (${host})`}
    </>
  );
}

/** A table that is wider than the column scrolls, and only then can be focused, so that a keyboard scrolls it too. */
function focusWhenScrollable(element: HTMLElement | null): void {
  if (element !== null && element.scrollWidth > element.clientWidth) element.tabIndex = 0;
}

function ScrollingTable({ children }: { readonly children?: ReactNode }) {
  return (
    <section ref={focusWhenScrollable} aria-label="Table" className="table-scroll">
      <table>{children}</table>
    </section>
  );
}

/** Elements of ours stand beside those that `Components` knows. */
const ownComponents = { [citationElement]: CitationMark, [unsupportedElement]: UnsupportedMark };
const components: Components = { a: SafeLink, table: ScrollingTable, ...ownComponents };

export const AnswerText = memo(function AnswerText({
  messageId,
  text,
  citations,
  unsupportedSpans,
  sources,
  onOpenSource,
}: Marked & { readonly text: string }) {
  const markdown = useMemo(
    () => markAnswer(text, { citations, unsupportedSpans }),
    [text, citations, unsupportedSpans],
  );
  const marked = useMemo(
    () => ({ messageId, citations, unsupportedSpans, sources, onOpenSource }),
    [messageId, citations, unsupportedSpans, sources, onOpenSource],
  );
  return (
    <MarkedContext value={marked}>
      <div className="answer">
        <Markdown remarkPlugins={remarkPlugins} rehypePlugins={rehypePlugins} components={components}>
          {markdown}
        </Markdown>
      </div>
    </MarkedContext>
  );
});
