import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readBaseHeader } from '../base/read-base-header.ts';
import { prepareBaseWeights } from '../base/weight-cache.ts';
import { openTrainingSession } from '../graph/open-session.ts';
import { encodeTrainingGraph } from '../graph/training-graph.ts';
import { buildBatch } from '../train/batch.ts';
import { createFeeds } from '../train/training-model.ts';

export interface LogitsModel {
  /**
   * All texts side by side in one run, as training packs them.
   * @returns for each text [tokens − 1, vocabulary]: what follows each token but the last
   */
  computeLogits(texts: readonly (readonly number[])[]): Promise<readonly (readonly Float32Array[])[]>;
  close(): Promise<void>;
}

/**
 * The training graph of a base without an adapter, giving its logits.
 * @param sha256 names the weights in `cacheDir`
 */
export async function openLogitsModel(options: {
  readonly ggufPath: string;
  readonly sha256: string;
  readonly cacheDir: string;
  readonly threads: number;
}): Promise<LogitsModel> {
  const { config, frequencyFactors } = await readBaseHeader(options.ggufPath);
  const { dataFile, layout } = await prepareBaseWeights(options.ggufPath, options.sha256, options.cacheDir);
  const graphFile = path.join(options.cacheDir, `logits-${process.pid}.onnx`);
  await writeFile(
    graphFile,
    encodeTrainingGraph(config, null, layout, path.basename(dataFile), { hasBackward: false, hasLogits: true }),
  );
  const session = await openTrainingSession(graphFile, { threads: options.threads, device: 'cpu' });
  await rm(graphFile);
  return {
    async computeLogits(texts) {
      const examples = texts.map((text) => ({
        tokens: Int32Array.from(text),
        isLearned: new Uint8Array(text.length).fill(1),
      }));
      const batch = buildBatch(config, examples, frequencyFactors);
      const { logits } = await session.run(createFeeds(config, batch, [], [], 1), ['logits']);
      if (!(logits?.data instanceof Float32Array)) throw new TypeError('the graph gave no logits');
      const { data } = logits;
      const size = config.vocabularySize;
      const rowsOf = (index: number) =>
        [...batch.exampleOfRow.keys()].filter((row) => batch.exampleOfRow[row] === index);
      return texts.map((_, index) => rowsOf(index).map((row) => data.subarray(row * size, (row + 1) * size)));
    },
    close: () => session.release(),
  };
}
