import type { GbnfJsonObjectSchema, Llama, LlamaGrammar } from 'node-llama-cpp';
import { AppError, invalidInput } from '#lib/domain/errors.ts';

/** Keywords that the grammar enforces, and annotations that need no enforcing. */
const SUPPORTED_KEYWORDS = new Set([
  'type',
  'const',
  'enum',
  'oneOf',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  'maxProperties',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'format',
  '$ref',
  '$defs',
  '$schema',
  'title',
  'description',
]);

/**
 * A grammar that lets the model write nothing but JSON of this schema.
 * @throws AppError `input.invalid` for a keyword that the grammar would ignore: a promise silently not kept
 */
export async function createJsonGrammar(
  llama: Llama,
  schema: Readonly<Record<string, unknown>>,
): Promise<LlamaGrammar> {
  if (!isGrammarSchema(schema)) {
    if (schema['type'] !== 'object')
      throw invalidInput('response_format.json_schema.schema: expected type "object" at the root');
    throw invalidInput(
      `response_format.json_schema.schema uses what a grammar cannot enforce: ${findUnsupported(schema, '').join(', ')}`,
    );
  }
  try {
    return await llama.createGrammarForJsonSchema(schema);
  } catch (cause) {
    throw new AppError({
      code: 'input.invalid',
      message: `response_format.json_schema.schema cannot be turned into a grammar: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

function isGrammarSchema(schema: unknown): schema is GbnfJsonObjectSchema {
  return isRecord(schema) && schema['type'] === 'object' && findUnsupported(schema, '').length === 0;
}

/** @returns JSON pointers of what is not supported */
export function findUnsupported(schema: unknown, pointer: string): string[] {
  if (typeof schema === 'boolean') return [];
  if (!isRecord(schema)) return [`${pointer || '/'} (not a schema)`];
  return Object.entries(schema).flatMap(([keyword, value]) => {
    const here = `${pointer}/${keyword}`;
    if (!SUPPORTED_KEYWORDS.has(keyword)) return [here];
    switch (keyword) {
      case 'properties':
      case '$defs':
        if (!isRecord(value)) return [here];
        return Object.entries(value).flatMap(([name, child]) => findUnsupported(child, `${here}/${name}`));
      case 'items':
      case 'additionalProperties':
        return findUnsupported(value, here);
      case 'oneOf':
      case 'prefixItems':
        if (!Array.isArray(value)) return [here];
        return value.flatMap((child: unknown, index) => findUnsupported(child, `${here}/${index}`));
      default:
        return [];
    }
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
