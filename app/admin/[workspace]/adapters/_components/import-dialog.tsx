'use client';

import { Upload } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useRef, useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { UploadError, uploadFile } from '#app/admin/[workspace]/documents/_upload/upload-file.ts';

/** What a file is probably to be called: its name without folder, ending and separators. */
function suggestName(fileName: string): string {
  return fileName
    .replace(/\.(gguf|zip)$/i, '')
    .replaceAll(/[_-]+/g, ' ')
    .trim();
}

export function ImportDialog({ workspace }: { readonly workspace: string }) {
  const router = useRouter();
  const abort = useRef<AbortController | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState('');
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const isSending = share !== null;

  const close = (next: boolean) => {
    if (!next) abort.current?.abort();
    setOpen(next);
    setError(null);
  };
  const send = async () => {
    if (file === null) return;
    const controller = new AbortController();
    abort.current = controller;
    setError(null);
    setShare(0);
    try {
      const address = `/api/w/${workspace}/adapters?name=${encodeURIComponent(name)}`;
      const { outcome } = await uploadFile(
        address,
        { path: file.name, file },
        (sent) => setShare(sent / file.size),
        controller.signal,
      );
      toast.success(outcome === 'unchanged' ? 'This adapter is here already.' : 'Imported.');
      setOpen(false);
      setFile(null);
      setName('');
      router.refresh();
    } catch (failure) {
      if (!controller.signal.aborted) setError(failure instanceof UploadError ? failure.message : 'The upload failed.');
    } finally {
      setShare(null);
    }
  };

  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={close}
      trigger={
        <Button>
          <Upload aria-hidden />
          Import
        </Button>
      }
      title="Import an adapter"
      description="A GGUF file, or a ZIP archive of a PEFT directory. Every number is checked against the base model before it is stored; an adapter for another base is refused."
    >
      <form
        className="flex flex-col gap-4"
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
              accept=".gguf,.zip"
              required
              className="h-auto py-2"
              onChange={(event) => {
                const chosen = event.target.files?.[0] ?? null;
                setFile(chosen);
                setError(null);
                if (chosen !== null && name === '') setName(suggestName(chosen.name));
              }}
            />
          )}
        </Field>
        <Field label="Name" hint="An adapter that is called so gets another version.">
          {(ids) => (
            <Input {...ids} required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        {isSending ? (
          <div>
            <Progress label="Upload" value={share < 1 ? share : null} />
            <p className="mt-1 text-xs text-ink-faint">{share < 1 ? 'Uploading' : 'Checking every number'}</p>
          </div>
        ) : null}
        <div className="flex justify-end">
          <Button type="submit" look="primary" isPending={isSending} disabled={file === null || name.trim() === ''}>
            Import
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
