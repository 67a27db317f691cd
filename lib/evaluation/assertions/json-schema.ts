import { Validator } from '@cfworker/json-schema';
import { z } from 'zod';
import { chooseText, defineAssertion, passIf, quoteShortly, scopeSchema } from '../assertion.ts';

function findJson(text: string): string {
  const fenced = /```(?:json)?\s*\n([^]*?)\n\s*```/.exec(text);
  return (fenced?.[1] ?? text).trim();
}

/** The answer, or the code block in it, is JSON that fits a schema (draft 2020-12). */
export const jsonSchema = defineAssertion({
  type: 'json-schema',
  schema: z.strictObject({
    type: z.literal('json-schema'),
    schema: z.record(z.string(), z.unknown()),
    scope: scopeSchema,
  }),
  check({ schema, scope }, context) {
    const text = findJson(chooseText(context, scope));
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return passIf(false, `Is not JSON: ${quoteShortly(text)}.`);
    }
    const { valid, errors } = new Validator(schema, '2020-12').validate(value);
    return passIf(valid, valid ? 'Fits the schema.' : `Does not fit the schema: ${errors.at(-1)?.error ?? 'unknown'}.`);
  },
});
