'use client';

import { FileUp, MessagesSquare, PenLine, Plus, WandSparkles } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Menu, MenuItem } from '#app/_components/ui/menu.tsx';
import type { ActionResult } from '#app/_server/action.ts';
import type { StyleSheet } from '#lib/training/data-set/style-sheet.ts';
import { ManualsDialog, type ManualsDialogProps } from './manuals-dialog.tsx';
import { StyleDialog, type StyleDialogProps } from './style-dialog.tsx';
import { UploadDialog } from './upload-dialog.tsx';

type DataSetAction = (input: { workspace: string; dataSetId: string }) => Promise<ActionResult<unknown>>;

/** The four ways in which rows come. */
export function AddRows({
  workspace,
  dataSetId,
  learnsFromConversations,
  canConfigure,
  documents,
  styleSheet,
  actions,
}: {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly learnsFromConversations: boolean;
  readonly canConfigure: boolean;
  readonly documents: readonly { readonly id: string; readonly title: string }[];
  readonly styleSheet: StyleSheet;
  readonly actions: Pick<ManualsDialogProps, 'estimateManualRows' | 'writeManualRows'> &
    Pick<StyleDialogProps, 'saveStyleSheet' | 'takeInStyle' | 'applyStyle'> & {
      readonly takeInConversations: DataSetAction;
    };
}) {
  const router = useRouter();
  const [open, setOpen] = useState<'upload' | 'manuals' | 'style' | null>(null);
  const close = () => {
    setOpen(null);
    router.refresh();
  };
  const takeInConversations = async () => {
    const result = await actions.takeInConversations({ workspace, dataSetId });
    if (!result.ok) toast.error(result.error.message);
    router.refresh();
  };
  return (
    <>
      <Menu
        align="end"
        trigger={
          <Button>
            <Plus aria-hidden />
            Add rows
          </Button>
        }
      >
        <MenuItem onSelect={() => setOpen('upload')}>
          <FileUp aria-hidden />
          From a chat log
        </MenuItem>
        <MenuItem onSelect={() => setOpen('manuals')} disabled={documents.length === 0}>
          <WandSparkles aria-hidden />
          From manuals
        </MenuItem>
        <MenuItem disabled={!learnsFromConversations} onSelect={() => void takeInConversations()}>
          <MessagesSquare aria-hidden />
          <span>
            From rated conversations
            {learnsFromConversations ? null : (
              <span className="block text-xs text-ink-faint">not allowed in this workspace</span>
            )}
          </span>
        </MenuItem>
        <MenuItem onSelect={() => setOpen('style')}>
          <PenLine aria-hidden />
          From a style sheet
        </MenuItem>
      </Menu>
      {open === 'upload' ? <UploadDialog workspace={workspace} dataSetId={dataSetId} onClose={close} /> : null}
      {open === 'manuals' ? (
        <ManualsDialog
          workspace={workspace}
          dataSetId={dataSetId}
          documents={documents}
          estimateManualRows={actions.estimateManualRows}
          writeManualRows={actions.writeManualRows}
          onClose={close}
        />
      ) : null}
      {open === 'style' ? (
        <StyleDialog
          workspace={workspace}
          dataSetId={dataSetId}
          styleSheet={styleSheet}
          canConfigure={canConfigure}
          saveStyleSheet={actions.saveStyleSheet}
          takeInStyle={actions.takeInStyle}
          applyStyle={actions.applyStyle}
          onClose={close}
        />
      ) : null}
    </>
  );
}
