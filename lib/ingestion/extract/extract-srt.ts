import { cleanText, type ExtractedPage, paginateSections, type Section } from './extracted-page.ts';
import { unreadable } from './extraction-errors.ts';

const CUE_TIME = /^\s*(\d{1,3}):([0-5]?\d):([0-5]?\d)[,.]\d{1,3}\s*-->\s*\d{1,3}:[0-5]?\d:[0-5]?\d[,.]\d{1,3}/;
const MARKUP = /<\/?[a-z][^>]*>|\{\\[^}]*\}/gi;

/** What one citation opens. */
const SECONDS_PER_PAGE = 300;
/** A paragraph ends at the first full stop after this long. */
const SECONDS_PER_PARAGRAPH = 30;
/** Speech without full stops: a paragraph ends here. */
const MAX_SECONDS_PER_PARAGRAPH = 90;

interface Cue {
  readonly startSeconds: number;
  readonly text: string;
}

/**
 * Subtitles as paragraphs that begin with their time, `[00:12:31] …`, five minutes a page. LangChain's SRTLoader drops the
 * times, without which nobody finds the place in the film.
 * @throws AppError `document.unreadable` when no cue is found
 */
export function extractSrt(source: string): ExtractedPage[] {
  const cues = readCues(cleanText(source));
  if (cues.length === 0) {
    throw unreadable(
      'the file has no line like 00:00:01,000 --> 00:00:02,000',
      'This file holds no subtitles: no line names a time from and to. Upload it as a text file (.txt) if it is one.',
    );
  }
  const sections = new Map<number, { text: string }[]>();
  for (const paragraph of joinCues(cues)) {
    const page = Math.floor(paragraph.startSeconds / SECONDS_PER_PAGE);
    const blocks = sections.get(page) ?? [];
    blocks.push({ text: `[${showTime(paragraph.startSeconds)}] ${paragraph.text}` });
    sections.set(page, blocks);
  }
  return paginateSections(
    [...sections].map(
      ([page, blocks]): Section => ({
        label: `${showTime(page * SECONDS_PER_PAGE)} – ${showTime((page + 1) * SECONDS_PER_PAGE)}`,
        blocks,
      }),
    ),
  );
}

function readCues(source: string): Cue[] {
  const cues: Cue[] = [];
  let startSeconds: number | null = null;
  let lines: string[] = [];
  const close = () => {
    const text = lines.join(' ').replaceAll(MARKUP, '').replaceAll(/\s+/g, ' ').trim();
    if (startSeconds !== null && text !== '') cues.push({ startSeconds, text });
    lines = [];
  };
  for (const line of source.split('\n')) {
    const time = CUE_TIME.exec(line);
    if (time) {
      // The line above a time is the number of its cue, even where the blank line before it is missing.
      if (/^\s*\d+\s*$/.test(lines.at(-1) ?? '')) lines.pop();
      close();
      const [, hours, minutes, seconds] = time;
      startSeconds = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    } else lines.push(line);
  }
  close();
  return cues;
}

function joinCues(cues: readonly Cue[]): Cue[] {
  const paragraphs: Cue[] = [];
  for (const cue of cues) {
    const last = paragraphs.at(-1);
    const seconds = last ? cue.startSeconds - last.startSeconds : 0;
    const isSamePage =
      last && Math.floor(last.startSeconds / SECONDS_PER_PAGE) === Math.floor(cue.startSeconds / SECONDS_PER_PAGE);
    const isFull =
      seconds < 0 ||
      seconds >= MAX_SECONDS_PER_PARAGRAPH ||
      (seconds >= SECONDS_PER_PARAGRAPH && /[.!?…]["'”’)]*$/.test(last?.text ?? ''));
    if (last && isSamePage && !isFull) {
      paragraphs[paragraphs.length - 1] = { ...last, text: `${last.text} ${cue.text}` };
    } else paragraphs.push(cue);
  }
  return paragraphs;
}

function showTime(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
