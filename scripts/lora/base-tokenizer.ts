import type { BaseTokenizer } from '#lib/lora/data/tokenizer.ts';
import type { ChatTemplateHint } from '#lib/runtime/chat-template.ts';

/** The tokenizer of a base. llama.cpp takes most of a second to load; commands that read no text do not wait for it. */
export async function openBaseTokenizer(source: {
  readonly path: string;
  readonly templateHint?: ChatTemplateHint | undefined;
}): Promise<BaseTokenizer & { close(): Promise<void> }> {
  const { openTokenizer } = await import('#lib/runtime/server/open-tokenizer.ts');
  return openTokenizer(source);
}
