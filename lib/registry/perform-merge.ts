import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { readGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { baseMismatch } from '#lib/lora/adapter/trained-on.ts';
import { mergeAdapter } from '#lib/lora/merge/merge-adapter.ts';
import { locateMerged, mergeSchema } from './merged-models.ts';
import type { RegisterDeps } from './register-version.ts';

/** The job behind `startMerge`. A model that is there is not made again. */
export async function performMerge(
  deps: RegisterDeps & { readonly threads: number },
  access: Authorized<'adapter.write'>,
  context: Pick<RunContext, 'run' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { type } = mergeSchema.parse(context.run.details);
  await context.report({ stage: 'reading', done: 0, total: 0 });
  const version = await findAdapterVersion(deps.db, access, context.run.subjectId);
  const base = await deps.findBase();
  if (base.sha256 !== version.baseSha256) throw baseMismatch(version.baseSha256, base.sha256);
  const target = locateMerged(deps.artifacts, version.sha256, type);
  await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
  if ((await stat(target).catch(() => null)) === null) {
    const adapter = await readGgufAdapter(await deps.artifacts.verify(version.sha256), base.config);
    const BYTES_PER_UNIT = 1_000_000;
    await mergeAdapter(base.path, adapter, target, {
      type,
      threads: deps.threads,
      signal: context.signal,
      onProgress(doneBytes, totalBytes) {
        const [done, total] = [doneBytes, totalBytes].map((bytes) => Math.round(bytes / BYTES_PER_UNIT));
        context.report({ stage: 'merging (MB)', done: done ?? 0, total: total ?? 0 }).catch(() => undefined);
      },
    });
  }
  return { type, sizeBytes: (await stat(target)).size };
}
