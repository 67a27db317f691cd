import type { Metadata } from 'next';
import { Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { SettingsForm } from './_components/settings-form.tsx';
import { configureWorkspace } from './actions.ts';

export const metadata: Metadata = { title: 'Settings' };

export default async function SettingsPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const { workspace } = await requireWorkspacePage(slug, 'workspace.configure', `/w/${slug}/settings`);
  return (
    <Page title="Settings" lead="How this workspace presents itself, and how its assistant speaks." isNarrow>
      <SettingsForm
        workspace={slug}
        initial={{
          name: workspace.name,
          instructions: workspace.instructions,
          suggestedQuestions: workspace.suggestedQuestions,
        }}
        configure={configureWorkspace}
      />
    </Page>
  );
}
