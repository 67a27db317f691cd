import { targetModules } from '#lib/lora/architectures/architecture.ts';
import { type TrainConfig, trainConfigSchema } from '#lib/lora/train/train-config.ts';

/**
 * Every option of a training run as a form shows it, and the presets as concrete values. A unit test holds the list against
 * `trainConfigSchema`: no option is missing, none allows what the engine refuses.
 */
type LoraKey = keyof TrainConfig['lora'];
export type OptionPath = `lora.${LoraKey}` | Exclude<keyof TrainConfig, 'lora'>;

interface OptionFields {
  readonly path: OptionPath;
  readonly group: 'adapter' | 'learning' | 'length' | 'batch' | 'watching';
  readonly label: string;
  /** What it does, and what a higher or lower value is good for. */
  readonly meaning: string;
}

export type TrainingOption =
  | (OptionFields & {
      readonly kind: 'number';
      readonly isInteger: boolean;
      /** Both are allowed. */
      readonly min: number;
      readonly max: number;
      readonly step: number;
      /** What an empty field means; absent: a number must be there. */
      readonly emptyMeans?: string;
    })
  | (OptionFields & { readonly kind: 'switch' })
  | (OptionFields & { readonly kind: 'choice' | 'set'; readonly choices: readonly string[] });

const integer = { kind: 'number', isInteger: true, step: 1 } as const;
const share = { kind: 'number', isInteger: false, min: 0, step: 0.01 } as const;

export const trainingOptions: readonly TrainingOption[] = [
  {
    ...integer,
    path: 'lora.rank',
    group: 'adapter',
    label: 'Rank',
    min: 1,
    max: 1024,
    meaning:
      'How much the adapter can hold. 16 is right for a voice and a few skills, 32 or 64 for many. Multiples of 16 compute fastest.',
  },
  {
    path: 'lora.alpha',
    group: 'adapter',
    label: 'Alpha',
    kind: 'number',
    isInteger: false,
    min: 0.5,
    max: 4096,
    step: 0.5,
    meaning: 'How strongly the adapter acts: its update is multiplied by alpha / rank. Twice the rank is usual.',
  },
  {
    path: 'lora.isRankStabilised',
    group: 'adapter',
    label: 'Rank-stabilised scale',
    kind: 'switch',
    meaning: 'Multiplies by alpha / √rank instead, which keeps ranks above 64 learning.',
  },
  {
    ...share,
    path: 'lora.dropout',
    group: 'adapter',
    label: 'Dropout',
    max: 0.9,
    meaning: 'Share of inputs hidden at random in each step. More keeps a small data set from being learned by heart.',
  },
  {
    path: 'lora.modules',
    group: 'adapter',
    label: 'Adapted modules',
    kind: 'set',
    choices: targetModules,
    meaning: 'Which linear layers of a block get an update. All of them learn best; fewer train a little faster.',
  },
  {
    ...integer,
    path: 'lora.topLayers',
    group: 'adapter',
    label: 'Top layers only',
    min: 1,
    max: 1024,
    emptyMeans: 'all layers',
    meaning:
      'Adapts the uppermost blocks only. Nothing is computed backwards below them, so a third of the layers trains nearly twice as fast; it learns style more easily than knowledge.',
  },
  {
    path: 'learningRate',
    group: 'learning',
    label: 'Learning rate',
    kind: 'number',
    isInteger: false,
    min: 1e-7,
    max: 1,
    step: 1e-5,
    meaning:
      'Size of a step at its highest. Too high, the loss jumps or runs away; too low, nothing is learned in time.',
  },
  {
    path: 'schedule',
    group: 'learning',
    label: 'Schedule',
    kind: 'choice',
    choices: ['cosine', 'linear', 'constant'],
    meaning: 'How the learning rate falls towards the end. Constant does not fall.',
  },
  {
    ...share,
    path: 'warmupShare',
    group: 'learning',
    label: 'Warm-up',
    max: 0.5,
    meaning: 'Share of the steps in which the learning rate rises from zero, so that the first steps break nothing.',
  },
  {
    ...share,
    path: 'weightDecay',
    group: 'learning',
    label: 'Weight decay',
    max: 1,
    meaning: 'Pulls the update towards zero in every step. 0 is usual for adapters.',
  },
  {
    path: 'maxGradientNorm',
    group: 'learning',
    label: 'Gradient limit',
    kind: 'number',
    isInteger: false,
    min: 0,
    max: 1000,
    step: 0.1,
    meaning: 'Gradients with a larger norm are scaled down to it, which tames single odd rows. 0 for no limit.',
  },
  {
    path: 'epochs',
    group: 'length',
    label: 'Passes over the data',
    kind: 'number',
    isInteger: false,
    min: 0.1,
    max: 100,
    step: 0.1,
    meaning: 'How often every row is seen. Two to four for a few hundred rows, one for many thousand.',
  },
  {
    ...integer,
    path: 'maxSteps',
    group: 'length',
    label: 'Steps',
    min: 1,
    max: 1_000_000,
    emptyMeans: 'as many as the passes take',
    meaning: 'A fixed number of steps in place of passes over the data.',
  },
  {
    ...integer,
    path: 'patience',
    group: 'length',
    label: 'Patience',
    min: 0,
    max: 1000,
    meaning: 'Ends the run after so many validations without a better loss. 0 for never.',
  },
  {
    ...integer,
    path: 'sequenceTokens',
    group: 'batch',
    label: 'Sequence length',
    min: 16,
    max: 131_072,
    meaning: 'Tokens computed together. Longer rows are left out; time and memory grow with it.',
  },
  {
    path: 'isPacked',
    group: 'batch',
    label: 'Packing',
    kind: 'switch',
    meaning:
      'Puts several short rows into one sequence. They do not see each other, and what they begin with alike, such as a passage, is computed once; it saves time.',
  },
  {
    ...integer,
    path: 'microBatch',
    group: 'batch',
    label: 'Micro-batch',
    min: 1,
    max: 64,
    meaning: 'Sequences computed side by side. More takes more memory and is rarely faster on a CPU.',
  },
  {
    ...integer,
    path: 'accumulation',
    group: 'batch',
    label: 'Accumulation',
    min: 1,
    max: 256,
    meaning: 'Micro-batches whose gradients make one step. More makes steps calmer, and fewer.',
  },
  {
    path: 'isLossOnAssistantOnly',
    group: 'batch',
    label: 'Learn answers only',
    kind: 'switch',
    meaning: 'Learns what the assistant says and not the questions and passages. Off, everything is learned.',
  },
  {
    ...integer,
    path: 'seed',
    group: 'watching',
    label: 'Seed',
    min: 0,
    max: 2 ** 31 - 1,
    meaning: 'Of everything random. The same data, options, threads and seed give the same adapter to the byte.',
  },
  {
    ...integer,
    path: 'validationInterval',
    group: 'watching',
    label: 'Steps between validations',
    min: 0,
    max: 100_000,
    meaning: 'How often the loss is measured on the validation rows; the adapter keeps the best. 0 for the end alone.',
  },
  {
    ...integer,
    path: 'checkpointInterval',
    group: 'watching',
    label: 'Steps between checkpoints',
    min: 0,
    max: 100_000,
    meaning:
      'What a crash costs at most, and how often base and adapter answer your questions side by side. 0 for the end alone.',
  },
];

export const presetNames = ['quick', 'balanced', 'thorough'] as const;
export type PresetName = (typeof presetNames)[number];

export interface Preset {
  readonly label: string;
  readonly meaning: string;
  readonly config: TrainConfig;
}

export const presets: Readonly<Record<PresetName, Preset>> = {
  quick: {
    label: 'Quick',
    meaning: 'The top eight layers, one pass. To see within the hour whether the data goes the right way.',
    config: trainConfigSchema.parse({
      lora: { topLayers: 8 },
      learningRate: 5e-4,
      epochs: 1,
      accumulation: 1,
      validationInterval: 10,
    }),
  },
  balanced: {
    label: 'Balanced',
    meaning: 'All layers at rank 16, two passes, ending early when the validation loss stops falling.',
    config: trainConfigSchema.parse({ epochs: 2, patience: 4 }),
  },
  thorough: {
    label: 'Thorough',
    meaning: 'Rank 32, four passes, longer sequences, calmer steps. For a night, and for a data set worth it.',
    config: trainConfigSchema.parse({
      lora: { rank: 32, alpha: 64 },
      learningRate: 2e-4,
      epochs: 4,
      sequenceTokens: 1024,
      accumulation: 4,
      patience: 5,
    }),
  },
};

/** The preset with exactly these values, or `custom`. */
export function namePreset(config: TrainConfig): PresetName | 'custom' {
  return presetNames.find((name) => JSON.stringify(presets[name].config) === JSON.stringify(config)) ?? 'custom';
}
