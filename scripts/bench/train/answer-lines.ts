import process from 'node:process';
import { createInterface } from 'node:readline';

/**
 * Say what was loaded, then answer each line of the input by one line of JSON, until the input ends: what `step` gives, and
 * the time of all threads.
 */
export async function answerLines(ready: object, step: () => Promise<object>): Promise<void> {
  console.log(JSON.stringify(ready));
  for await (const _ of createInterface({ input: process.stdin })) {
    const before = process.cpuUsage();
    const reply = await step();
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ ...reply, cpuSeconds: (user + system) / 1e6 }));
  }
}
