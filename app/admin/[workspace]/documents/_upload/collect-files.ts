import { leftoverFiles } from '#lib/ingestion/formats.ts';
import type { ChosenFile } from './upload-file.ts';

/** Of a file or folder that was dropped: the part of the browser's `FileSystemEntry` that is used. */
interface DroppedEntry {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /** From `/`, the dropped folder's own name first. */
  readonly fullPath: string;
}

const isFile = (entry: DroppedEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: DroppedEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** A folder gives its entries in portions (Chromium: 100), and an empty one at the end. */
async function listFolder(folder: FileSystemDirectoryEntry): Promise<readonly DroppedEntry[]> {
  const reader = folder.createReader();
  const entries: DroppedEntry[] = [];
  for (;;) {
    const portion = await new Promise<readonly DroppedEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (portion.length === 0) return entries;
    entries.push(...portion);
  }
}

async function walk(entry: DroppedEntry): Promise<ChosenFile[]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (isFolder(entry)) {
    const files: ChosenFile[] = [];
    for (const child of await listFolder(entry)) files.push(...(await walk(child)));
    return files;
  }
  if (!isFile(entry) || leftoverFiles.test(path)) return [];
  return [{ path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) }];
}

/**
 * Files that were dropped, those in folders with their folders' names, in the order of their paths. Call it inside the drop's
 * handler: the browser forgets what was dropped when the handler returns.
 */
export async function collectDroppedFiles(transfer: DataTransfer): Promise<ChosenFile[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const loose = entries.length === 0 ? chooseFiles(transfer.files) : [];
  const walked = await Promise.all(entries.map(walk));
  return [...walked.flat(), ...loose].sort((a, b) => a.path.localeCompare(b.path));
}

/** Files from an input; those of a chosen folder with its name. */
export function chooseFiles(files: Iterable<File>): ChosenFile[] {
  return [...files]
    .map((file) => ({ path: file.webkitRelativePath || file.name, file }))
    .filter(({ path }) => !leftoverFiles.test(path));
}
