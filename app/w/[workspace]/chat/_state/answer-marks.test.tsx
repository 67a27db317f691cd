import fc from 'fast-check';
import { renderToStaticMarkup } from 'react-dom/server';
import Markdown from 'react-markdown';
import rehypeSanitize from 'rehype-sanitize';
import remarkGfm from 'remark-gfm';
import { describe, expect, it } from 'vitest';
import type { Citation, UnsupportedSpan } from '#lib/domain/chat.ts';
import { type AnswerMarks, markAnswer, rehypePlaceMarks } from './answer-marks.ts';

function cite(sourceNumber: number, answerEnd: number): Citation {
  return { sourceNumber, answerStart: 0, answerEnd, quoteStart: 0, quoteEnd: 1, quote: 'q', origin: 'model' };
}

function render(text: string, marks: AnswerMarks): string {
  return renderToStaticMarkup(
    <Markdown remarkPlugins={[remarkGfm]} rehypePlugins={[rehypeSanitize, rehypePlaceMarks]}>
      {markAnswer(text, marks)}
    </Markdown>,
  );
}

const after = (text: string, part: string) => text.indexOf(part) + part.length;
const none: AnswerMarks = { citations: [], unsupportedSpans: [] };

describe('markAnswer and placeMarks', () => {
  it('puts a citation at the end of its sentence', () => {
    const text = 'Use 12 Nm. Then stop.';
    const html = render(text, { citations: [cite(1, after(text, 'Nm.'))], unsupportedSpans: [] });
    expect(html).toBe('<p>Use 12 Nm.<lore-citation index="0"></lore-citation> Then stop.</p>');
  });

  it('joins citations at one place, once for each source', () => {
    const html = render('Yes.', { citations: [cite(2, 4), cite(1, 4), cite(2, 4)], unsupportedSpans: [] });
    expect(html).toBe('<p>Yes.<lore-citation index="0"></lore-citation><lore-citation index="1"></lore-citation></p>');
  });

  it('keeps a citation out of the link of a bare address', () => {
    const text = 'Register at https://example.com/a. Then go on.';
    const html = render(text, { citations: [cite(1, after(text, '/a.'))], unsupportedSpans: [] });
    expect(html).toBe(
      '<p>Register at <a href="https://example.com/a">https://example.com/a</a>. <lore-citation index="0"></lore-citation> Then go on.</p>',
    );
  });

  it('leaves emphasis whole when the offset lies before its closing stars', () => {
    const text = '**Wear gloves.** Always.';
    const html = render(text, { citations: [cite(1, after(text, 'gloves.'))], unsupportedSpans: [] });
    expect(html).toBe('<p><strong>Wear gloves.</strong><lore-citation index="0"></lore-citation> Always.</p>');
  });

  it('works in lists and tables', () => {
    const text = '- one\n- two\n\n| a | b |\n| - | - |\n| 1 | 2 |\n';
    const html = render(text, {
      citations: [cite(1, after(text, '- one')), cite(2, after(text, '| 1 | 2'))],
      unsupportedSpans: [],
    });
    expect(html).toContain('<li>one<lore-citation index="0"></lore-citation></li>');
    expect(html).toContain('<td>2<lore-citation index="1"></lore-citation></td>');
  });

  it('wraps a doubtful span even across emphasis', () => {
    const text = 'It lasts **9 years** or so.';
    const span: UnsupportedSpan = { answerStart: 3, answerEnd: after(text, 'or'), kind: 'sentence' };
    expect(render(text, { citations: [], unsupportedSpans: [span] })).toBe(
      '<p>It <lore-unsupported index="0">lasts </lore-unsupported><strong><lore-unsupported index="0">9 years</lore-unsupported></strong><lore-unsupported index="0"> or</lore-unsupported> so.</p>',
    );
  });

  it('keeps a span that ends where a citation stands closed before it', () => {
    const text = 'It is 40 V.';
    const html = render(text, {
      citations: [cite(1, 10)],
      unsupportedSpans: [{ answerStart: 6, answerEnd: 10, kind: 'number' }],
    });
    expect(html).toBe(
      '<p>It is <lore-unsupported index="0">40 V</lore-unsupported><lore-citation index="0"></lore-citation>.</p>',
    );
  });

  it('ignores offsets outside of the text', () => {
    const marks: AnswerMarks = {
      citations: [cite(1, 99)],
      unsupportedSpans: [{ answerStart: 2, answerEnd: 99, kind: 'number' }],
    };
    expect(render('Short.', marks)).toBe('<p>Short.</p>');
  });

  it('lets no text pose as a mark', () => {
    expect(render('a\uFFFCc0\uFFFCb', none)).not.toContain('lore-citation');
  });

  it('keeps marks out of addresses', () => {
    const text = 'See https://example.org/manual now.';
    const html = render(text, { citations: [cite(1, after(text, 'manual'))], unsupportedSpans: [] });
    expect(html).toContain('href="https://example.org/manual"');
  });

  it('changes no word of the answer, wherever the marks stand', () => {
    const words = fc.constantFrom('torque', '**bold**', '12 Nm.', '`PN-7`', 'and', '(see)', '\n\n- item', 'ümlaut');
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(80), { maxLength: 4 }),
        (parts, raw) => {
          const text = parts.join(' ');
          // Marks stand at the ends of words: that is where the server puts them.
          const ends = raw.map((n) => parts.slice(0, (n % parts.length) + 1).join(' ').length);
          const html = render(text, { citations: ends.map((end, i) => cite(i + 1, end)), unsupportedSpans: [] });
          expect(html.replaceAll(/<lore-citation[^>]*><\/lore-citation>/g, '')).toBe(render(text, none));
          expect((html.match(/<lore-citation/g) ?? []).length).toBe(ends.length);
        },
      ),
    );
  });
});
