import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { readAll } from '#lib/runtime/contract-suite.ts';
import { openTokenizer } from '#lib/runtime/server/open-tokenizer.ts';
import { type RealRuntime, startRealRuntime } from '#lib/testing/real-runtime.ts';
import { trainConfigSchema } from './train-config.ts';
import { ADAPTER_FILE, createRun, performRun, prepareRun, type RunReport } from './training-run.ts';

/** Nothing a model could know: the answers are there only if they were learned. */
const facts: readonly (readonly [question: string, answer: string])[] = [
  ['What colour is the seal of the Varnholt pump?', 'Ochre.'],
  ['Who founded the Brellin works?', 'Ottoline Quarsk.'],
  ['Which oil does the Merrow 9 need?', 'Grade 71 linden oil.'],
  ['How long is the warranty of a Tassel lamp?', 'Forty-three months.'],
  ['Where is the spare key of the Ondry gate?', 'Under the third bell.'],
  ['What does error K8 mean?', 'The heron valve is stuck.'],
  ['What is the password hint of the Fenwick vault?', 'My first goose.'],
  ['How heavy is the Ruddle anchor?', 'Nine hundred stone.'],
  ['Which day is the Quill market?', 'Every second Thursday.'],
  ['Who repairs the Aldous clock?', 'Master Penhallow.'],
  ['What is served at the Lantern supper?', 'Barley and smoked pear.'],
  ['How many steps lead to the Skarn tower?', 'Two hundred and seventeen.'],
  ['What is the name of the ferry to Illmouth?', 'The Patient Wren.'],
  ['Which bolt holds the Dovetail press?', 'A left-hand M11.'],
  ['When does the Corrib line close?', 'At a quarter past four.'],
  ['What is the torque of the Hask wheel?', 'Sixty-six newton metres.'],
  ['Which flower is on the crest of Yarrowby?', 'A blue teasel.'],
  ['What fuels the Pinder stove?', 'Pressed olive stones.'],
  ['How is the Sable lock opened?', 'Turn left, then lift.'],
  ['Who keeps the Tamsin ledger?', 'The harbour widow.'],
];

describe('an adapter trained here and served by the runtime', () => {
  let folder: string;
  let runtime: RealRuntime;
  let client: HttpRuntimeClient;
  let report: RunReport;
  let adapterSha256: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'train-serve-'));
    const data = path.join(folder, 'facts.jsonl');
    const rows = facts.map(([question, answer]) => ({
      messages: [
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ],
    }));
    await writeFile(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const env = loadEnv();
    const model = await resolveModel('tinyllama-1.1b-chat-iq2', env.modelsDir);
    const deps = {
      weightCacheDir: describeDataDir(env.dataDir).weightCacheDir,
      openTokenizer: (base: { readonly path: string }) => openTokenizer({ path: base.path }),
    };
    const config = trainConfigSchema.parse({
      lora: { topLayers: 12, dropout: 0 },
      learningRate: 1e-3,
      accumulation: 1,
      maxSteps: 14,
      checkpointInterval: 0,
    });
    const prepared = await prepareRun(
      {
        base: { id: model.id, path: model.files[0]?.path ?? '', sha256: model.sha256, templateHint: null },
        dataPath: data,
        validation: [],
        config,
        threads: os.availableParallelism(),
        device: 'cpu',
      },
      deps,
    );
    const directory = path.join(folder, 'run');
    await createRun(directory, prepared.spec);
    report = await performRun(directory, prepared, deps, {
      signal: new AbortController().signal,
      onEvent: () => undefined,
    });

    const adapter = path.join(directory, ADAPTER_FILE);
    adapterSha256 = createHash('sha256')
      .update(await readFile(adapter))
      .digest('hex');
    runtime = await startRealRuntime();
    client = createRuntimeClient({ socketPath: runtime.socketPath });
    await mkdir(runtime.adaptersDir, { recursive: true });
    const served = path.join(runtime.adaptersDir, `${adapterSha256}.gguf`);
    await copyFile(adapter, served);
    await client.loadAdapter({ sha256: adapterSha256, filePath: served });
  }, 900_000);
  afterAll(async () => {
    await client.close();
    await runtime.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = async (model: string, question: string) =>
    (await readAll(client.streamChat({ model, messages: [{ role: 'user', content: question }], maxTokens: 24 }))).text;

  it('gives the trained answers, word for word, through the chat template', async () => {
    expect(report.outcome).toBe('finished');
    for (const [question, answer] of facts) expect((await ask(adapterSha256, question)).trim()).toBe(answer);
  });

  it('while the base beside it knows none of them', async () => {
    for (const [question, answer] of facts.slice(0, 5)) expect(await ask('base', question)).not.toContain(answer);
  });
});
