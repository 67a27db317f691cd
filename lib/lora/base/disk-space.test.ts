import os from 'node:os';
import { expect, it } from 'vitest';
import { requireDiskSpace } from './disk-space.ts';

it('says how much is needed and how much is free', async () => {
  await requireDiskSpace(os.tmpdir(), 0, 'nothing');
  await expect(requireDiskSpace(os.tmpdir(), 1e18, 'the merged model')).rejects.toMatchObject({
    code: 'disk.full',
    message: expect.stringMatching(/^the merged model: 1000000\.0 TB to write, and .* has [\d.]+ [GMT]B free/),
    details: { neededBytes: 1e18, freeBytes: expect.any(Number) },
  });
});
