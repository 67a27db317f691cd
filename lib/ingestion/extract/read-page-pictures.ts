import { OPS, type PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { z } from 'zod';
import type { GreyPicture } from './recognise-text.ts';

/** Smaller ones are logos and rules. */
const MIN_SIDE_PIXELS = 100;
/** Of a page, together: a page of 60 cm at 600 dots an inch. */
const MAX_PAGE_PIXELS = 100_000_000;

const pictureSchema = z.object({
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  data: z.instanceof(Uint8Array).or(z.instanceof(Uint8ClampedArray)),
});

/** Bytes for a pixel in the kinds that pdf.js hands out: 1 bit of grey, 24 bits, 32 bits with opacity. */
function toGrey({ width, height, data }: z.infer<typeof pictureSchema>): Uint8Array | null {
  const pixels = new Uint8Array(width * height);
  const stride = Math.ceil(width / 8);
  if (data.length === stride * height) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const bit = ((data[y * stride + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1;
        pixels[y * width + x] = bit * 255;
      }
    }
    return pixels;
  }
  const channels = data.length / pixels.length;
  if (channels !== 3 && channels !== 4) return null;
  for (let pixel = 0, at = 0; pixel < pixels.length; pixel += 1, at += channels) {
    // Brightness as ITU-R BT.601 weighs it, in 256ths.
    pixels[pixel] = (77 * (data[at] ?? 0) + 150 * (data[at + 1] ?? 0) + 29 * (data[at + 2] ?? 0)) >> 8;
  }
  return pixels;
}

/** The pictures that a page shows, in the order in which it paints them; those that are no scan of text are left out by size. */
export async function readPagePictures(page: PDFPageProxy): Promise<GreyPicture[]> {
  const { fnArray, argsArray } = await page.getOperatorList();
  const pictures: GreyPicture[] = [];
  let total = 0;
  for (const [index, operator] of fnArray.entries()) {
    const isPicture =
      operator === OPS.paintImageXObject ||
      operator === OPS.paintInlineImageXObject ||
      operator === OPS.paintImageMaskXObject;
    if (!isPicture) continue;
    const picture = await findPicture(page, argsArray[index]);
    if (!picture) continue;
    const { width, height } = picture;
    total += width * height;
    if (total > MAX_PAGE_PIXELS) return pictures;
    if (width < MIN_SIDE_PIXELS || height < MIN_SIDE_PIXELS) continue;
    const pixels = toGrey(picture);
    if (pixels) pictures.push({ width, height, pixels, turn: page.rotate });
  }
  return pictures;
}

const argumentsSchema = z.tuple([z.unknown()]).rest(z.unknown());
const referenceSchema = z.object({ data: z.string() });

/** A picture stands in the operator itself, or the operator names it. */
async function findPicture(page: PDFPageProxy, args: unknown): Promise<z.infer<typeof pictureSchema> | null> {
  const [first] = argumentsSchema.parse(args);
  const reference = referenceSchema.safeParse(first);
  const name = typeof first === 'string' ? first : reference.success ? reference.data.data : null;
  const found: unknown = name === null ? first : await readObject(page, name);
  const picture = pictureSchema.safeParse(found);
  return picture.success ? picture.data : null;
}

function readObject(page: PDFPageProxy, name: string): Promise<unknown> {
  const objects: { get(id: string, done: (found: unknown) => void): unknown } = name.startsWith('g_')
    ? page.commonObjs
    : page.objs;
  return new Promise((resolve) => void objects.get(name, resolve));
}
