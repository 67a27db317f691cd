import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { findAdapterVersion, type NamedVersion } from '#db/repositories/adapters.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { readGgufAdapter, writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { relativeError } from '#lib/lora/blend/approximation.ts';
import { blendAdapters } from '#lib/lora/blend/blend-adapters.ts';
import { type RegisterDeps, registerAdapterVersion } from './register-version.ts';
import { blendSchema } from './start-blend.ts';

const uniqueBy = <T>(items: readonly T[], key: (item: T) => string): T[] => [
  ...new Map(items.map((item) => [key(item), item])).values(),
];

/** The job behind `startBlend`. Repeatable: the same parts give the same bytes, which are registered once. */
export async function performBlend(
  deps: RegisterDeps & { readonly threads: number },
  access: Authorized<'adapter.write'>,
  context: Pick<RunContext, 'run' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const request = blendSchema.parse(context.run.details);
  const { method, rank, keptShare, seed } = request;
  const base = await deps.findBase();
  const parents: { version: NamedVersion; weight: number }[] = [];
  const parts = [];
  for (const { versionId, weight } of request.parts) {
    await context.report({ stage: 'reading', done: parts.length, total: request.parts.length });
    const version = await findAdapterVersion(deps.db, access, versionId);
    parents.push({ version, weight });
    parts.push({ adapter: await readGgufAdapter(await deps.artifacts.verify(version.sha256), base.config), weight });
  }
  const shared = {
    signal: context.signal,
    onProgress(done: number, total: number) {
      // Rejects after a cancel, which the signal tells as well.
      context.report({ stage: 'blending', done, total }).catch(() => undefined);
    },
  };
  const result = await (method === 'linear'
    ? blendAdapters(parts, { ...shared, method, rank })
    : blendAdapters(parts, { ...shared, method, rank: rank ?? 1, keptShare, seed, threads: deps.threads }));
  await context.report({ stage: 'writing', done: 0, total: 0 });
  await mkdir(deps.artifacts.directory, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(path.join(deps.artifacts.directory, '.incoming-'));
  try {
    const written = path.join(directory, 'blend.gguf');
    const templates = new Set(parents.map(({ version }) => version.templateSha256));
    const templateSha256 = templates.size === 1 ? (parents[0]?.version.templateSha256 ?? null) : null;
    await writeGgufAdapter(written, { ...result.adapter, trainedOn: { baseSha256: base.sha256, templateSha256 } });
    const lineages = parents.map(({ version }) => version.lineage);
    const { version } = await registerAdapterVersion(deps, access, {
      adapter: { name: request.name },
      filePath: written,
      origin: 'blended',
      baseSha256: base.sha256,
      templateSha256,
      lineage: {
        parents: parents.map(({ version: parent, weight }) => ({
          versionId: parent.id,
          sha256: parent.sha256,
          name: `${parent.adapterName}, version ${parent.number}`,
          weight,
        })),
        options: { method, rank, ...(method === 'linear' ? {} : { keptShare, seed }) },
        documents: uniqueBy(
          lineages.flatMap(({ documents }) => documents),
          ({ documentId }) => documentId,
        ),
        conversationIds: [...new Set(lineages.flatMap(({ conversationIds }) => conversationIds))],
      },
      metrics: result.errors === null ? {} : { 'blend-error': relativeError(result.errors) },
    });
    return { versionId: version.id, adapterId: version.adapterId };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
