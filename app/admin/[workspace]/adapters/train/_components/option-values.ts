import type { TrainConfig } from '#lib/lora/train/train-config.ts';
import type { TrainingOption } from '#lib/training/training-options.ts';

/** What the controls hold: numbers as they are typed, so that a half-typed one is no lost one. */
export type OptionValue = string | boolean | readonly string[];
export type OptionValues = Readonly<Record<string, OptionValue>>;

function readPath(config: TrainConfig, path: TrainingOption['path']): unknown {
  const { lora, ...rest } = config;
  const flat: Readonly<Record<string, unknown>> = {
    ...rest,
    ...Object.fromEntries(Object.entries(lora).map(([key, value]) => [`lora.${key}`, value])),
  };
  return flat[path];
}

export function toValues(options: readonly TrainingOption[], config: TrainConfig): OptionValues {
  return Object.fromEntries(
    options.map((option) => {
      const value = readPath(config, option.path);
      if (option.kind === 'switch') return [option.path, value === true];
      if (option.kind === 'set') return [option.path, Array.isArray(value) ? value.map(String) : []];
      return [option.path, typeof value === 'number' || typeof value === 'string' ? String(value) : ''];
    }),
  );
}

/** What is wrong with a value, in words; null: nothing. */
export function findProblem(option: TrainingOption, value: OptionValue | undefined): string | null {
  if (option.kind === 'set') return Array.isArray(value) && value.length > 0 ? null : 'Choose at least one.';
  if (option.kind !== 'number') return null;
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '') return option.emptyMeans === undefined ? 'A number is needed.' : null;
  const number = Number(text);
  const isFine =
    Number.isFinite(number) &&
    number >= option.min &&
    number <= option.max &&
    (!option.isInteger || Number.isInteger(number));
  return isFine ? null : `${option.isInteger ? 'A whole number from' : 'From'} ${option.min} to ${option.max}.`;
}

/** The configuration as the server takes it; values without a problem only. */
export function toConfig(options: readonly TrainingOption[], values: OptionValues): Record<string, unknown> {
  const lora: Record<string, unknown> = {};
  const config: Record<string, unknown> = { lora };
  for (const option of options) {
    const value = values[option.path];
    const [group, key] = option.path.split('.');
    const target = key === undefined ? config : lora;
    const text = typeof value === 'string' ? value.trim() : '';
    target[key ?? group ?? ''] = option.kind === 'number' ? (text === '' ? null : Number(text)) : value;
  }
  return config;
}
