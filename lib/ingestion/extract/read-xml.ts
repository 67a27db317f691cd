import { type CheerioAPI, load } from 'cheerio';
import { decodeText } from './extract-text.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';
import type { PackedDocument } from './open-archive.ts';

/**
 * Entities of a file's own can grow a kilobyte to gigabytes. No Office program and no book writes them, and nothing here
 * expands them; a file that declares some is refused, so that no parser below ever meets one.
 * @throws AppError `document.too-complex`
 */
export function refuseEntities(xml: string): void {
  if (/<!ENTITY/i.test(xml)) {
    throw tooComplex('entities', 'declares XML entities of its own, as files made to exhaust memory do');
  }
}

/** XML of one part of a packed document. @throws AppError `document.too-complex` */
export function parseXml(bytes: Uint8Array): CheerioAPI {
  const xml = decodeText(bytes);
  refuseEntities(xml);
  return load(xml, { xml: true });
}

/** @throws AppError `document.unreadable` when the part is missing */
export async function readXmlPart(document: PackedDocument, name: string): Promise<CheerioAPI> {
  const bytes = await document.read(name);
  if (!bytes) throw unreadable(`the file has no ${name}`);
  return parseXml(bytes);
}

/** A name inside a packed document, from a reference in one of its parts. Fragments fall away. */
export function resolvePartName(fromPart: string, reference: string): string {
  const path = reference.split('#')[0] ?? '';
  if (path.startsWith('/')) return path.slice(1);
  const resolved = fromPart.split('/').slice(0, -1);
  for (const step of path.split('/')) {
    if (step === '..') resolved.pop();
    else if (step !== '.' && step !== '') resolved.push(step);
  }
  return resolved.join('/');
}

export interface Relationship {
  /** The last word of its type's address: `slide`, `worksheet`, `notesSlide` … */
  readonly kind: string;
  readonly partName: string;
}

/** What an Office part points to, by id. Empty when it points to nothing; targets outside the file are left out. */
export async function readRelationships(
  document: PackedDocument,
  partName: string,
): Promise<ReadonlyMap<string, Relationship>> {
  const slash = partName.lastIndexOf('/');
  const bytes = await document.read(`${partName.slice(0, slash + 1)}_rels/${partName.slice(slash + 1)}.rels`);
  const relationships = new Map<string, Relationship>();
  if (!bytes) return relationships;
  const $ = parseXml(bytes);
  for (const element of $('Relationship').toArray()) {
    const { Id: id, Target: target, Type: type = '', TargetMode: mode } = element.attribs;
    if (id === undefined || target === undefined || mode === 'External') continue;
    relationships.set(id, { kind: type.split('/').at(-1) ?? '', partName: resolvePartName(partName, target) });
  }
  return relationships;
}

/** The part that an Office document begins with. @throws AppError `document.unreadable` */
export async function findMainPart(document: PackedDocument): Promise<string> {
  const main = [...(await readRelationships(document, '')).values()].find(({ kind }) => kind === 'officeDocument');
  if (!main) throw unreadable('the Office file names no main part');
  return main.partName;
}
