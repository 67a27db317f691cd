import { z } from 'zod';

const outcomeSchema = z.object({
  suiteId: z.string(),
  name: z.string(),
  revisionNumber: z.number(),
  isChanged: z.boolean(),
  caseCount: z.number(),
  problems: z.array(z.string()),
});
export type ImportOutcome = z.infer<typeof outcomeSchema>;

const errorSchema = z.object({ error: z.object({ message: z.string() }) });

/** @returns what was imported, or why nothing was, in words */
export async function sendSuiteFile(
  workspace: string,
  file: File,
  name: string,
): Promise<ImportOutcome | { readonly error: string }> {
  const query = name === '' ? '' : `?name=${encodeURIComponent(name)}`;
  try {
    const response = await fetch(`/api/w/${workspace}/suites${query}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream', 'X-File-Name': encodeURIComponent(file.name) },
      body: file,
    });
    const body: unknown = await response.json();
    if (response.ok) return outcomeSchema.parse(body);
    const known = errorSchema.safeParse(body);
    return { error: known.success ? known.data.error.message : `The server answered with status ${response.status}.` };
  } catch {
    return { error: 'Lorehouse cannot be reached. Nothing was imported; try again.' };
  }
}
