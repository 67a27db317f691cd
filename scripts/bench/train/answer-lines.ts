import process from 'node:process';
import { createInterface } from 'node:readline';

/** Say what was loaded, then answer each line of the input by one line of JSON, until the input ends. */
export async function answerLines(ready: object, step: () => Promise<object>): Promise<void> {
  console.log(JSON.stringify(ready));
  for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(await step()));
}
