/** Answers being written by this process, so that a stop reaches the one it names. */
export interface RunningGenerations {
  /** @returns forgets the answer again */
  add(messageId: string, controller: AbortController): () => void;
  /** @returns false when this process writes no such answer */
  stop(messageId: string): boolean;
  has(messageId: string): boolean;
}

export function createRunningGenerations(): RunningGenerations {
  const running = new Map<string, AbortController>();
  return {
    add(messageId, controller) {
      running.set(messageId, controller);
      return () => {
        running.delete(messageId);
      };
    },
    stop(messageId) {
      const controller = running.get(messageId);
      controller?.abort();
      return controller !== undefined;
    },
    has: (messageId) => running.has(messageId),
  };
}

const slot = Symbol.for('lorehouse.running-generations');
const holder = globalThis as typeof globalThis & { [slot]?: RunningGenerations };

/** The list of this process: Next bundles a module several times, so it hangs on the global object. */
export function shareRunningGenerations(): RunningGenerations {
  holder[slot] ??= createRunningGenerations();
  return holder[slot];
}
