import { describe, expect, it } from 'vitest';
import { trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { namePreset, presetNames, presets, type TrainingOption, trainingOptions } from './training-options.ts';

const defaults = trainConfigSchema.parse({});

/** A configuration with one option changed. */
function configureOne({ path }: TrainingOption, value: unknown): object {
  const [group, key] = path.split('.');
  return key === undefined
    ? { ...defaults, [path]: value }
    : { ...defaults, [group ?? '']: { ...defaults.lora, [key]: value } };
}
const isAccepted = (option: TrainingOption, value: unknown) =>
  trainConfigSchema.safeParse(configureOne(option, value)).success;

interface AskedValue {
  readonly option: TrainingOption;
  readonly value: unknown;
  readonly isFine: boolean;
}

function listValues(option: TrainingOption): AskedValue[] {
  const fine = (value: unknown, isFine = true) => ({ option, value, isFine });
  switch (option.kind) {
    case 'number':
      return [
        fine(option.min),
        fine(option.max),
        fine(null, option.emptyMeans !== undefined),
        fine(1.5, !option.isInteger && option.max >= 1.5),
      ];
    case 'switch':
      return [fine(true), fine(false), fine('on', false)];
    case 'choice':
      return [...option.choices.map((choice) => fine(choice)), fine('another', false)];
    case 'set':
      return [...option.choices.map((choice) => fine([choice])), fine([], false)];
  }
}

describe('training options', () => {
  it('names every option of the engine once', () => {
    const paths = [...Object.keys(defaults.lora).map((key) => `lora.${key}`), ...Object.keys(defaults)].filter(
      (path) => path !== 'lora',
    );
    expect(trainingOptions.map(({ path }) => path).sort()).toEqual(paths.sort());
  });

  it.each(trainingOptions.flatMap(listValues))('takes or refuses as the engine does: $option.path', (asked) => {
    expect(isAccepted(asked.option, asked.value)).toBe(asked.isFine);
  });

  it('knows its presets by their values', () => {
    for (const name of presetNames) expect(namePreset(presets[name].config)).toBe(name);
    expect(namePreset({ ...presets.quick.config, seed: 5 })).toBe('custom');
  });
});
