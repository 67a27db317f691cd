import { cleanText, type ExtractedPage, paginateBlocks, type TextBlock } from './extracted-page.ts';

const ATX_HEADING = /^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/;
const SETEXT_UNDERLINE = /^ {0,3}(=+|-{2,})[ \t]*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const FRONT_MATTER = /^---\n[\s\S]*?\n---\n/;

/** Sections of a Markdown file. Headings lose their marks; all else stays as written. */
export function extractMarkdown(source: string): ExtractedPage[] {
  return paginateBlocks(readMarkdownBlocks(cleanText(source).replace(FRONT_MATTER, '')));
}

function readMarkdownBlocks(source: string): TextBlock[] {
  const blocks: TextBlock[] = [];
  let lines: string[] = [];
  let fence: string | null = null;
  const flush = () => {
    const text = lines.join('\n').replaceAll(/^\n+|\s+$/g, '');
    if (text.trim() !== '') blocks.push({ text });
    lines = [];
  };
  for (const line of source.split('\n')) {
    const fenceMark = FENCE.exec(line)?.[1];
    if (fence !== null) {
      lines.push(line);
      if (fenceMark?.startsWith(fence)) fence = null;
      continue;
    }
    if (fenceMark !== undefined) {
      fence = fenceMark;
      lines.push(line);
      continue;
    }
    const heading = ATX_HEADING.exec(line);
    if (heading) {
      flush();
      blocks.push({ text: plain(heading[2] ?? ''), headingLevel: heading[1]?.length ?? 1 });
      continue;
    }
    const underline = SETEXT_UNDERLINE.exec(line)?.[1];
    const above = lines.at(-1)?.trim() ?? '';
    if (underline !== undefined && lines.length === 1 && above !== '' && !/^[-*+>|]/.test(above)) {
      lines = [];
      blocks.push({ text: plain(above), headingLevel: underline.startsWith('=') ? 1 : 2 });
      continue;
    }
    if (line.trim() === '') flush();
    else lines.push(line.trimEnd());
  }
  flush();
  return blocks;
}

/** A heading without emphasis, code and link marks: it is shown as a label. */
function plain(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*_`]+(?=\S)|(?<=\S)[*_`]+/g, '')
    .trim();
}
