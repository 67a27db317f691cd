import { expect, test } from 'vitest';
import { presets, trainingOptions } from '#lib/training/training-options.ts';
import { describeOptions } from './describe-version.ts';

test('every option of a training run is told in the words of its form', () => {
  const told = describeOptions({ ...presets.quick.config, preset: 'quick', threads: 2 });
  expect(told.map(([label]) => label)).toEqual(
    expect.arrayContaining([...trainingOptions.map(({ label }) => label), 'Preset', 'Threads']),
  );
  expect(Object.fromEntries(told)).toMatchObject({
    Preset: 'Quick',
    'Top layers only': '8',
    Packing: 'yes',
    Steps: 'as many as the passes take',
    'Adapted modules': 'q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj',
  });
});

test('options of a preset of its own, of a blend and of another program are told as well', () => {
  expect(describeOptions({ preset: 'custom', method: 'linear', rank: null, 'r.dropout': 0.1 })).toEqual([
    ['Preset', 'none'],
    ['Method', 'linear'],
    ['Compressed to rank', 'none'],
    ['r.dropout', '0.1'],
  ]);
});
