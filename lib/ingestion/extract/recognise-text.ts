import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import createCore from 'tesseract.js-core/tesseract-core-simd-lstm.js';
import type { PlacedText } from './layout-lines.ts';

/** A picture in shades of grey, one byte a pixel, row by row from the upper left; 255 is white. */
export interface GreyPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** Clockwise turn that makes it upright: 0, 90, 180 or 270 degrees. */
  readonly turn: number;
}

export interface TextRecogniser {
  /**
   * Words of a picture where they stand, in the picture's own pixels and the reading order that the layout suggests. Empty
   * when there are none, or none that can be made out.
   */
  readonly recognise: (picture: GreyPicture) => PlacedText[];
  readonly close: () => void;
}

const NEURAL_ENGINE = 1;
/** The orientation that EXIF names for a clockwise turn. */
const ORIENTATIONS: Readonly<Record<number, number>> = { 0: 1, 90: 6, 180: 3, 270: 8 };
const LINE_LEVEL = '4';
const WORD_LEVEL = '5';
/** Percent. Words below are specks, rules and drawings more often than words. */
const MIN_WORD_CONFIDENCE = 40;
/** Percent, mean over a picture's words. A photograph with a bit of lettering stays a picture. */
const MIN_PICTURE_CONFIDENCE = 60;
/** Of a line's height, what a font's size is of it. */
const SIZE_OF_HEIGHT = 0.75;
/** Lines whose heights differ by less are of one size: capitals and descenders make as much of a difference. */
const SAME_SIZE = 0.35;

/** Tesseract for English, in this process: WebAssembly and data that come with packages, nothing is fetched. */
export async function openTextRecogniser(): Promise<TextRecogniser> {
  const dataFile = createRequire(import.meta.url).resolve('@tesseract.js-data/eng/4.0.0_best_int/eng.traineddata.gz');
  const core = await createCore({ print: () => undefined, printErr: () => undefined });
  core.FS.writeFile('/eng.traineddata', await promisify(gunzip)(await readFile(dataFile)));
  const api = new core.TessBaseAPI();
  if (api.Init('/', 'eng', NEURAL_ENGINE) !== 0) throw new Error('the text recogniser did not start');
  return {
    recognise(picture) {
      core.FS.writeFile('/input', encodePgm(picture));
      if (api.SetImageFile(ORIENTATIONS[picture.turn] ?? 1, 0, false) === 1) return [];
      api.Recognize(null);
      return readTable(api.GetTSVText(0));
    },
    close: () => api.End(),
  };
}

/** The plainest format that Tesseract reads: a line of text, then the bytes. */
function encodePgm({ width, height, pixels }: GreyPicture): Buffer {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), pixels]);
}

export function readTable(table: string): PlacedText[] {
  const words: { text: string; x: number; width: number; line: { y: number; size: number }; confidence: number }[] = [];
  let line = { y: 0, size: 0 };
  for (const row of table.split('\n')) {
    const [level, , , , , , left, top, width, height, confidence, ...rest] = row.split('\t');
    const text = rest.join(' ').trim();
    if (level === LINE_LEVEL) {
      // Positions grow upwards, as those of a PDF do.
      line = { y: -(Number(top) + Number(height)), size: Number(height) * SIZE_OF_HEIGHT };
    } else if (level === WORD_LEVEL && text !== '' && Number(confidence) >= MIN_WORD_CONFIDENCE) {
      words.push({ text, x: Number(left), width: Number(width), line, confidence: Number(confidence) });
    }
  }
  const mean = words.reduce((sum, word) => sum + word.confidence, 0) / Math.max(1, words.length);
  if (mean < MIN_PICTURE_CONFIDENCE) return [];
  const sizes = words.map((word) => word.line.size).sort((a, b) => a - b);
  const usual = sizes[Math.floor(sizes.length / 2)] ?? 1;
  return words.map(({ text, x, width, line: { y, size } }) => ({
    text,
    x,
    y,
    width,
    size: Math.abs(size / usual - 1) < SAME_SIZE ? usual : size,
  }));
}
