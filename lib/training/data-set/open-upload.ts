import { AppError } from '#lib/domain/errors.ts';
import type { DataSetDeps } from './data-set-deps.ts';
import { importSettingsSchema } from './import-settings.ts';
import { parseChatLog } from './parse-chat-log.ts';
import type { Candidate, OpenRowSource } from './perform-import.ts';

/** Rows of an uploaded chat log. @throws AppError `dataset.unreadable` when the file is gone, and those of `parseChatLog` */
export function createUploadSource(deps: Pick<DataSetDeps, 'dataSetUploads'>): OpenRowSource {
  return async (_access, { import: intake }) => {
    const settings = importSettingsSchema.parse(intake.settings);
    const { uploadSha256 } = intake;
    if (settings.kind !== 'upload') throw new TypeError(`expected an upload, got ${settings.kind}`);
    if (uploadSha256 === null || (await deps.dataSetUploads.measure(uploadSha256)) === null) {
      throw new AppError({
        code: 'dataset.unreadable',
        message: `the upload of import ${intake.id} is not there`,
        userMessage: 'The uploaded file is gone. Upload it again.',
      });
    }
    const file = deps.dataSetUploads.locate(uploadSha256);
    return {
      stage: 'reading',
      total: 0,
      async *read(position): AsyncGenerator<Candidate> {
        for await (const entry of parseChatLog(file, settings)) {
          if (entry.endLine <= position) continue;
          yield entry.kind === 'row'
            ? {
                kind: 'row',
                position: entry.endLine,
                messages: entry.messages,
                intent: entry.intent,
                origin: { uploadLine: entry.line },
              }
            : { kind: entry.kind, position: entry.endLine, line: entry.line, reason: entry.reason };
        }
      },
    };
  };
}
