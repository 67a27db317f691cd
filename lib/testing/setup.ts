import { afterEach, beforeEach, type MockInstance, vi } from 'vitest';

/** `console.error` in a test is a failure: nothing may go wrong unnoticed. A test that expects one spies on it itself. */
let spy: MockInstance<typeof console.error>;

beforeEach(() => {
  spy = vi.spyOn(console, 'error').mockImplementation(() => undefined);
});

afterEach(() => {
  const calls = spy.mock.calls.map((args) => args.map(String).join(' '));
  spy.mockRestore();
  if (calls.length > 0) throw new Error(`unexpected console.error:\n${calls.join('\n')}`);
});
