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
