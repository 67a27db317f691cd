import { describe, expect, it } from 'vitest';
import { findInterrupted, forgetInterrupted, rememberUploads } from './interrupted-uploads.ts';

function createStore() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
    size: () => values.size,
  };
}

const MINUTE = 60_000;

describe('interrupted uploads', () => {
  it('names what a reload of the same tab cut off', () => {
    const store = createStore();
    rememberUploads(store, 'acme', 'tab', ['a.pdf', 'b.pdf'], 0);
    rememberUploads(store, 'acme', 'tab', ['b.pdf'], 1000);
    expect(findInterrupted(store, 'acme', 'tab', 2000)).toEqual({ names: ['b.pdf'], count: 1 });
    expect(findInterrupted(store, 'other', 'tab', 2000)).toEqual({ names: [], count: 0 });
    forgetInterrupted(store, 'acme', 'tab', 2000);
    expect(store.size()).toBe(0);
  });

  it('leaves a tab alone that still uploads, and names the files of one that is gone', () => {
    const store = createStore();
    rememberUploads(store, 'acme', 'first', ['a.pdf'], 0);
    expect(findInterrupted(store, 'acme', 'second', MINUTE).count).toBe(0);
    forgetInterrupted(store, 'acme', 'second', MINUTE);
    expect(findInterrupted(store, 'acme', 'second', 2 * MINUTE)).toEqual({ names: ['a.pdf'], count: 1 });
  });

  it('ends with the last upload', () => {
    const store = createStore();
    rememberUploads(store, 'acme', 'tab', ['a.pdf'], 0);
    rememberUploads(store, 'acme', 'tab', [], 1000);
    expect(store.size()).toBe(0);
  });

  it('counts more than it keeps, and survives rubbish', () => {
    const store = createStore();
    const names = Array.from({ length: 700 }, (_, index) => `${index}.md`);
    rememberUploads(store, 'acme', 'tab', names, 0);
    const found = findInterrupted(store, 'acme', 'tab', 1);
    expect([found.count, found.names.length]).toEqual([700, 500]);
    store.setItem('lorehouse.uploads.acme', '{"tab": 7');
    expect(findInterrupted(store, 'acme', 'tab', 1).count).toBe(0);
  });
});
