import type { DatabaseExecutor } from '#db/executor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import { MAX_SUITE_BYTES, parseSuiteFile } from './suite-file.ts';
import { type SavedSuite, saveSuite } from './suites.ts';

export interface ImportedSuite extends SavedSuite {
  readonly name: string;
  readonly caseCount: number;
  /** Cases that were left out, each with its place and reason. */
  readonly problems: readonly string[];
}

const nameAfterFile = (fileName: string) =>
  fileName
    .replace(/^.*[/\\]/, '')
    .replace(/\.(ya?ml|jsonl?|txt)$/i, '')
    .replaceAll(/[_-]+/g, ' ')
    .trim()
    .slice(0, 120);

/** @throws AppError `input.too-large` as soon as the bound is passed */
async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > MAX_SUITE_BYTES) {
      throw new AppError({
        code: 'input.too-large',
        message: `expected a suite of at most ${MAX_SUITE_BYTES} bytes`,
        userMessage: `A suite file holds at most ${MAX_SUITE_BYTES / 1e6} MB. Split it into several suites.`,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * A suite from an uploaded YAML or JSONL file: a new one, or the next revision of the one with its name. The name that is asked
 * for comes before the one in the file, and that before the file's own.
 * @throws AppError `input.invalid`, `input.too-large`
 */
export async function importSuite(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'evaluation.write'>,
  input: { readonly stream: AsyncIterable<Uint8Array>; readonly fileName: string; readonly name: string | null },
): Promise<ImportedSuite> {
  const file = parseSuiteFile(await readText(input.stream));
  const name = input.name ?? file.name ?? nameAfterFile(input.fileName);
  const saved = await saveSuite(deps, access, {
    name,
    description: file.description ?? '',
    cases: file.cases,
    note: `Imported from ${input.fileName}`,
  });
  return { ...saved, name, caseCount: file.cases.length, problems: file.problems };
}
