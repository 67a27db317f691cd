import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { takeLowestPriority } from '#lib/config/take-lowest-priority.ts';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { prepareBaseWeights } from '#lib/lora/base/weight-cache.ts';
import { readDataset, type TokenizedDataset } from '#lib/lora/data/read-dataset.ts';
import { conformFactors } from '#lib/lora/train/factors.ts';
import { type ExampleScore, meanLoss, scoreExamples } from '#lib/lora/train/score.ts';
import { openForwardModel } from '#lib/lora/train/training-model.ts';
import { openBaseTokenizer } from './base-tokenizer.ts';
import { alignColumns, type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { parseCount } from './parse-number.ts';
import { type ResolvedBase, resolveBase, withBaseOption } from './resolve-base.ts';
import { chooseThreads } from './training-options.ts';

interface ScoreOptions extends OutputOptions {
  readonly base?: string;
  readonly adapter?: string;
  readonly data: string;
  readonly rows?: string;
  readonly sequenceTokens: number;
  readonly learnAllTokens?: true;
  readonly threads?: number;
}

const DEFAULT_SEQUENCE_TOKENS = 1024;

/** One JSON line a row: a reader of the file sees which rows an adapter knows and which it does not. */
async function writeRows(file: string, scores: readonly ExampleScore[]): Promise<void> {
  const lines = scores.map(({ line, tokens, nll }) => JSON.stringify({ line, tokens, nll, meanNll: nll / tokens }));
  await writeFile(file, `${lines.join('\n')}\n`);
}

async function readRows(base: ResolvedBase, options: ScoreOptions): Promise<TokenizedDataset> {
  const tokenizer = await openBaseTokenizer({ path: base.path, templateHint: base.templateHint ?? undefined });
  try {
    return await readDataset(options.data, tokenizer, {
      sequenceTokens: options.sequenceTokens,
      isLossOnAssistantOnly: options.learnAllTokens !== true,
    });
  } finally {
    await tokenizer.close();
  }
}

async function score(options: ScoreOptions, { env, signal }: CommandContext): Promise<void> {
  takeLowestPriority();
  const base = await resolveBase(options.base, env);
  // Before the rows: an adapter that does not fit is refused at once.
  const adapter = options.adapter === undefined ? null : await readAdapter(options.adapter, base);
  const dataset = await readRows(base, options);
  const { lora, factors } = adapter ? conformFactors(base.config, adapter) : { lora: null, factors: [] };
  const weights = await prepareBaseWeights(base.path, base.sha256, describeDataDir(env.dataDir).weightCacheDir, {
    signal,
  });
  const threads = chooseThreads(options.threads);
  const model = await openForwardModel({ config: base.config, lora, weights, threads, device: 'cpu' });
  let scores: readonly ExampleScore[];
  try {
    scores = await scoreExamples(model, base, dataset.examples, factors, options.sequenceTokens, () =>
      signal.throwIfAborted(),
    );
  } finally {
    await model.close();
  }
  if (options.rows !== undefined) await writeRows(options.rows, scores);
  const mean = meanLoss(scores);
  const tokens = scores.reduce((sum, row) => sum + row.tokens, 0);
  const worst = scores.toSorted((a, b) => b.nll / b.tokens - a.nll / a.tokens).slice(0, 5);
  printResult(
    {
      base: base.id,
      adapter: options.adapter ?? null,
      rows: scores,
      leftOut: dataset.problems,
      tokens,
      meanNll: mean,
      perplexity: Math.exp(mean),
    },
    [
      `${scores.length} rows, ${tokens} tokens${dataset.problems.length > 0 ? `, ${dataset.problems.length} rows left out` : ''}`,
      `mean negative log-likelihood ${mean.toFixed(4)} nats a token, perplexity ${Math.exp(mean).toFixed(3)}`,
      '',
      'least expected rows:',
      ...alignColumns([
        ['line', 'tokens', 'nats a token'],
        ...worst.map(({ line, tokens: count, nll }) => [String(line), String(count), (nll / count).toFixed(3)]),
      ]),
    ],
    options,
  );
}

export function registerScore(program: Command, context: CommandContext): void {
  withBaseOption(defineCommand(program, 'score', 'how likely a base, or a base with an adapter, finds given answers'))
    .requiredOption('--data <file>', 'JSON lines with "messages" or "text", or a plain text')
    .option('--adapter <path>', 'GGUF file or PEFT directory; without it the base alone')
    .option('--rows <file>', 'write the score of every row, as JSON lines')
    .option('--sequence-tokens <n>', 'longest row; a longer one is left out', parseCount, DEFAULT_SEQUENCE_TOKENS)
    .option('--learn-all-tokens', 'score the questions too, not only what the assistant says')
    .option('--threads <n>', 'threads of the matrix products (default: one core stays free)', parseCount)
    .action((options: ScoreOptions) => score(options, context));
}
