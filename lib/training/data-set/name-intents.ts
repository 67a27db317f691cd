/** Questions as near as this ask for the same thing; measured on the 27 intents of a support log (decision 0030). */
const SAME_INTENT_SIMILARITY = 0.62;
const MAX_NAME_CHARACTERS = 60;

export interface IntentExample {
  readonly question: string;
  /** L2-normalised. */
  readonly embedding: Float32Array;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function nameAfter(question: string): string {
  const line = question.replaceAll(/\s+/g, ' ').trim();
  if (line.length <= MAX_NAME_CHARACTERS) return line;
  const cut = line.slice(0, MAX_NAME_CHARACTERS);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), MAX_NAME_CHARACTERS / 2)).trimEnd()}…`;
}

/**
 * Sort questions by what they ask for: each joins the nearest intent that is near enough, or opens one that is named after it.
 * One pass in the order given, so the same questions give the same intents.
 * @param known intents that exist, each with a question of it
 * @returns an intent a question, same order
 */
export function nameIntents(
  questions: readonly IntentExample[],
  known: readonly { readonly intent: string; readonly embedding: Float32Array }[] = [],
): readonly string[] {
  const leaders = [...known];
  return questions.map(({ question, embedding }) => {
    let best: { intent: string; similarity: number } | undefined;
    for (const leader of leaders) {
      const similarity = dot(leader.embedding, embedding);
      if (similarity >= SAME_INTENT_SIMILARITY && similarity > (best?.similarity ?? 0))
        best = { intent: leader.intent, similarity };
    }
    if (best) return best.intent;
    const intent = nameAfter(question);
    leaders.push({ intent, embedding });
    return intent;
  });
}
