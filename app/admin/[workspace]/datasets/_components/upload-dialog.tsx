'use client';

import { useRef, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { UploadError, uploadFile } from '#app/admin/[workspace]/documents/_upload/upload-file.ts';
import { type ColumnMapping, guessColumns, readHeader } from '#lib/training/data-set/table-columns.ts';

/** The first line of a table is in here. */
const HEADER_BYTES = 64 * 1024;
const isTable = (file: File) => /\.(?:csv|tsv|tab)$/i.test(file.name);

export function UploadDialog({
  workspace,
  dataSetId,
  onClose,
}: {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly onClose: () => void;
}) {
  const [file, setFile] = useState<File | null>(null);
  const [header, setHeader] = useState<readonly string[] | null>(null);
  const [columns, setColumns] = useState<ColumnMapping | null>(null);
  const [sent, setSent] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const controller = useRef<AbortController | null>(null);

  const choose = async (chosen: File | null) => {
    setFile(chosen);
    setError(null);
    setHeader(null);
    setColumns(null);
    if (chosen === null || !isTable(chosen)) return;
    const text = await chosen.slice(0, HEADER_BYTES).text();
    const names = readHeader(text.split('\n')[0] ?? '');
    setHeader(names);
    setColumns(
      guessColumns(names) ?? { kind: 'exchanges', question: names[0] ?? '', answer: names[1] ?? '', intent: '' },
    );
  };
  const send = async () => {
    if (file === null) return;
    setError(null);
    setSent(0);
    controller.current = new AbortController();
    const query = columns === null ? '' : `?columns=${encodeURIComponent(JSON.stringify(columns))}`;
    try {
      await uploadFile(
        `/api/w/${workspace}/datasets/${dataSetId}/uploads${query}`,
        { path: file.name, file },
        setSent,
        controller.current.signal,
      );
      onClose();
    } catch (failure) {
      setSent(null);
      setError(failure instanceof UploadError ? failure.message : 'The upload failed.');
    }
  };
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => {
        if (isOpen) return;
        controller.current?.abort();
        onClose();
      }}
      title="Rows from a chat log"
      description="JSON lines as OpenAI or ShareGPT write them, a CSV table, or a plain transcript with “Customer:” and “Agent:”. At most 200 MB. The file is removed as soon as its rows are in."
    >
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Field label="File" error={error ?? undefined}>
          {(ids) => (
            <Input
              {...ids}
              type="file"
              required
              accept=".jsonl,.ndjson,.json,.csv,.tsv,.txt,.log,.md"
              className="h-auto py-2 file:mr-3 file:rounded-md file:border-0 file:bg-sunken file:px-3 file:py-1 file:text-ink"
              onChange={(event) => void choose(event.target.files?.[0] ?? null)}
            />
          )}
        </Field>
        {header === null || columns === null ? null : (
          <ColumnFields header={header} columns={columns} onChange={setColumns} />
        )}
        {sent === null || file === null ? null : (
          <Progress label="Upload" value={file.size === 0 ? null : sent / file.size} />
        )}
        <div className="flex justify-end">
          <Button look="primary" type="submit" isPending={sent !== null} disabled={file === null}>
            Take it in
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function ColumnFields({
  header,
  columns,
  onChange,
}: {
  readonly header: readonly string[];
  readonly columns: ColumnMapping;
  readonly onChange: (columns: ColumnMapping) => void;
}) {
  const select = (label: string, value: string, set: (name: string) => void, isOptional = false) => (
    <Field label={label}>
      {(ids) => (
        <Select {...ids} className="w-full" value={value} onChange={(event) => set(event.target.value)}>
          {isOptional ? <option value="">none</option> : null}
          {header.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
  const first = header[0] ?? '';
  return (
    <fieldset className="flex flex-col gap-4">
      <legend className="sr-only">Columns</legend>
      <Field label="Each line of the table is">
        {(ids) => (
          <Select
            {...ids}
            className="w-full"
            value={columns.kind}
            onChange={(event) =>
              onChange(
                event.target.value === 'turns'
                  ? { kind: 'turns', conversation: first, role: header[1] ?? first, content: header[2] ?? first }
                  : { kind: 'exchanges', question: first, answer: header[1] ?? first, intent: '' },
              )
            }
          >
            <option value="exchanges">a question and its answer</option>
            <option value="turns">one turn of a conversation</option>
          </Select>
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-3">
        {columns.kind === 'exchanges' ? (
          <>
            {select('Question', columns.question, (question) => onChange({ ...columns, question }))}
            {select('Answer', columns.answer, (answer) => onChange({ ...columns, answer }))}
            {select('Intent', columns.intent, (intent) => onChange({ ...columns, intent }), true)}
          </>
        ) : (
          <>
            {select('Conversation', columns.conversation, (conversation) => onChange({ ...columns, conversation }))}
            {select('Speaker', columns.role, (role) => onChange({ ...columns, role }))}
            {select('Text', columns.content, (content) => onChange({ ...columns, content }))}
          </>
        )}
      </div>
    </fieldset>
  );
}
