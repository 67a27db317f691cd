import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { baseMismatch } from '#lib/lora/adapter/trained-on.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { exportPeft } from './export-peft.ts';
import type { FindBase } from './find-base.ts';

/**
 * A version as a ZIP archive of PEFT's directory. Not compressed: the numbers of an adapter hardly shrink.
 * @throws AppError `adapter.not-found`, `adapter.base-mismatch`, `adapter.artifact-missing`, `adapter.checksum-mismatch`, `model.*`
 */
export async function exportPeftArchive(
  deps: { readonly db: DatabaseExecutor; readonly artifacts: ArtifactStore; readonly findBase: FindBase },
  access: Authorized<'adapter.read'>,
  versionId: string,
): Promise<{ readonly fileName: string; readonly stream: Readable }> {
  const version = await findAdapterVersion(deps.db, access, versionId);
  const base = await deps.findBase();
  if (base.sha256 !== version.baseSha256) throw baseMismatch(version.baseSha256, base.sha256);
  const artifact = await deps.artifacts.verify(version.sha256);
  await mkdir(deps.artifacts.directory, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(path.join(deps.artifacts.directory, '.incoming-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await exportPeft(artifact, base, directory);
    const archive = new ZipFile();
    for (const name of await readdir(directory)) archive.addFile(path.join(directory, name), name, { compress: false });
    archive.end();
    const stream = archive.outputStream;
    if (!(stream instanceof Readable)) throw new TypeError('the archive is no stream that can be given up');
    stream.once('close', () => void remove());
    return { fileName: `${version.adapterName} v${version.number} peft.zip`, stream };
  } catch (error) {
    await remove();
    throw error;
  }
}
