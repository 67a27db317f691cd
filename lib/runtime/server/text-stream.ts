/**
 * Turns generated tokens into text that may be sent: characters are held back while their bytes are incomplete, and text
 * is held back while it may be the beginning of a stop string.
 */
export interface TextStream {
  /** Text that is safe to send now. */
  push(piece: string): string;
  /** True once a stop string has appeared; everything from it on is dropped. */
  readonly isStopped: boolean;
  /** What is left at the end of the generation. */
  flush(): string;
}

export function createTextStream(stops: readonly string[]): TextStream {
  let held = '';
  let isStopped = false;
  return {
    get isStopped() {
      return isStopped;
    },
    push(piece) {
      if (isStopped) return '';
      held += piece;
      let cut = -1;
      for (const stop of stops) {
        const at = held.indexOf(stop);
        if (at !== -1 && (cut === -1 || at < cut)) cut = at;
      }
      if (cut !== -1) {
        isStopped = true;
        const text = held.slice(0, cut);
        held = '';
        return text;
      }
      const keep = longestStopPrefix(held, stops);
      const text = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return text;
    },
    flush() {
      const text = isStopped ? '' : held;
      held = '';
      return text;
    },
  };
}

/** Length of the longest end of `text` that is the beginning of one of `stops`. */
function longestStopPrefix(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}
