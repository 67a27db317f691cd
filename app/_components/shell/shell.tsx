'use client';

import {
  AudioLines,
  BookOpenText,
  Files,
  Globe,
  KeyRound,
  Layers,
  ListChecks,
  type LucideIcon,
  Menu as MenuIcon,
  MessageSquareText,
  Rows3,
  ScanSearch,
  Settings,
  ShieldCheck,
  SlidersHorizontal,
} from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { type ReactNode, useState } from 'react';
import type { Permission } from '#lib/domain/actor.ts';
import { Logo } from '../logo.tsx';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { Sheet } from '../ui/dialog.tsx';
import type { ShellActions, ShellView } from './shell-view.ts';
import { UserMenu } from './user-menu.tsx';
import { WorkspaceSwitcher } from './workspace-switcher.tsx';

interface Destination {
  readonly label: string;
  readonly path: (slug: string) => string;
  readonly needs: Permission;
  readonly Icon: LucideIcon;
  readonly group: Group;
}

/** `Ask` is what everybody comes for; the others belong to those who look after the workspace. */
const groups = ['Ask', 'Build', 'Administer'] as const;
type Group = (typeof groups)[number];

const destinations: readonly Destination[] = [
  { label: 'Chat', path: (slug) => `/w/${slug}/chat`, needs: 'chat.use', Icon: MessageSquareText, group: 'Ask' },
  { label: 'Sources', path: (slug) => `/w/${slug}/sources`, needs: 'document.read', Icon: BookOpenText, group: 'Ask' },
  {
    label: 'Documents',
    path: (slug) => `/admin/${slug}/documents`,
    needs: 'document.write',
    Icon: Files,
    group: 'Build',
  },
  {
    label: 'Web pages',
    path: (slug) => `/admin/${slug}/web-pages`,
    needs: 'document.write',
    Icon: Globe,
    group: 'Build',
  },
  {
    label: 'Retrieval',
    path: (slug) => `/admin/${slug}/retrieval`,
    needs: 'evaluation.read',
    Icon: ScanSearch,
    group: 'Build',
  },
  {
    label: 'Data sets',
    path: (slug) => `/admin/${slug}/datasets`,
    needs: 'dataset.read',
    Icon: Rows3,
    group: 'Build',
  },
  {
    label: 'Index',
    path: (slug) => `/admin/${slug}/search-index`,
    needs: 'document.write',
    Icon: Layers,
    group: 'Administer',
  },
  {
    label: 'Adapters',
    path: (slug) => `/admin/${slug}/adapters`,
    needs: 'adapter.read',
    Icon: AudioLines,
    group: 'Build',
  },
  {
    label: 'Evaluation',
    path: (slug) => `/admin/${slug}/evaluation`,
    needs: 'evaluation.read',
    Icon: ShieldCheck,
    group: 'Build',
  },
  { label: 'Jobs', path: (slug) => `/admin/${slug}/jobs`, needs: 'run.read', Icon: ListChecks, group: 'Administer' },
  {
    label: 'Members & keys',
    path: (slug) => `/admin/${slug}/members`,
    needs: 'member.read',
    Icon: KeyRound,
    group: 'Administer',
  },
  {
    label: 'Settings',
    path: (slug) => `/w/${slug}/settings`,
    needs: 'workspace.configure',
    Icon: Settings,
    group: 'Administer',
  },
];

/** Where people with more rights than asking go from a page whose navigation has other things to show. */
function describeManaging(first: Destination): Destination {
  return { ...first, label: 'Manage', Icon: SlidersHorizontal };
}

function DestinationList({
  destinations: shown,
  slug,
  onNavigate,
}: {
  readonly destinations: readonly Destination[];
  readonly slug: string;
  readonly onNavigate?: (() => void) | undefined;
}) {
  const pathname = usePathname();
  return (
    <ul className="flex flex-col gap-0.5">
      {shown.map(({ label, path, Icon }) => {
        const href = path(slug);
        const isHere = pathname === href || pathname.startsWith(`${href}/`);
        return (
          <li key={label}>
            <Link
              href={href}
              aria-current={isHere ? 'page' : undefined}
              onClick={() => onNavigate?.()}
              className={classNames(
                'relative flex items-center gap-3 rounded-md px-3 py-2 text-sm transition-colors',
                isHere
                  ? 'bg-spine-raised font-medium text-spine-ink before:absolute before:inset-y-2 before:-left-3 before:w-[3px] before:rounded-r-full before:bg-spine-brass'
                  : 'text-spine-soft hover:bg-spine-raised/60 hover:text-spine-ink',
              )}
            >
              <Icon aria-hidden className="size-4 shrink-0" />
              {label}
            </Link>
          </li>
        );
      })}
    </ul>
  );
}

function Spine({
  view,
  actions,
  onNavigate,
  children,
}: {
  readonly view: ShellView;
  readonly actions: ShellActions;
  readonly onNavigate?: (() => void) | undefined;
  readonly children?: ReactNode;
}) {
  const permitted = destinations.filter(({ needs }) => view.permissions.includes(needs));
  const firstToManage = permitted.find(({ group }) => group !== 'Ask');
  const beside = [
    ...permitted.filter(({ group }) => group === 'Ask'),
    ...(firstToManage === undefined ? [] : [describeManaging(firstToManage)]),
  ];
  return (
    <div className="flex h-full min-h-0 flex-col bg-spine text-spine-ink">
      <div className="px-5 pb-4 pt-5">
        <Link
          href={`/w/${view.workspace.slug}/chat`}
          className="inline-block rounded-sm"
          onClick={() => onNavigate?.()}
        >
          <Logo />
        </Link>
      </div>
      <div className="px-3">
        <WorkspaceSwitcher view={view} createWorkspace={actions.createWorkspace} />
      </div>
      <nav aria-label="Workspace" className="mt-3 min-h-0 overflow-y-auto px-3">
        {children === undefined ? (
          groups.map((group) => {
            const members = permitted.filter((destination) => destination.group === group);
            return members.length === 0 ? null : (
              <section key={group} aria-label={group} className="not-first:mt-4">
                <h2 className="px-3 pb-1 text-xs font-medium text-spine-soft">{group}</h2>
                <DestinationList destinations={members} slug={view.workspace.slug} onNavigate={onNavigate} />
              </section>
            );
          })
        ) : (
          <DestinationList destinations={beside} slug={view.workspace.slug} onNavigate={onNavigate} />
        )}
      </nav>
      <div className="mt-4 flex min-h-0 flex-1 flex-col">{children}</div>
      <div className="border-t border-spine-line p-3">
        <UserMenu view={view} signOut={actions.signOut} />
      </div>
    </div>
  );
}

/** Frame of every signed-in page. `aside` fills the middle of the navigation (the chat's list of conversations). */
export function Shell({
  view,
  actions,
  aside,
  children,
}: {
  readonly view: ShellView;
  readonly actions: ShellActions;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) {
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const pathname = usePathname();
  const [pathOfDrawer, setPathOfDrawer] = useState(pathname);
  if (pathOfDrawer !== pathname) {
    setPathOfDrawer(pathname);
    setDrawerOpen(false);
  }
  return (
    <div className="flex min-h-dvh flex-col lg:flex-row">
      <a
        href="#main"
        className="fixed left-3 top-3 z-50 -translate-y-20 rounded-md bg-accent px-4 py-2 text-sm font-medium text-on-accent focus:translate-y-0"
      >
        Skip to content
      </a>
      <header className="sticky top-0 hidden h-dvh w-[16.5rem] shrink-0 lg:block print:hidden">
        <Spine view={view} actions={actions}>
          {aside}
        </Spine>
      </header>
      <header className="sticky top-0 z-20 flex h-14 shrink-0 items-center gap-2 bg-spine px-2 text-spine-ink lg:hidden print:hidden">
        <Button
          look="quiet"
          size="icon"
          aria-label="Open navigation"
          className="text-spine-ink hover:bg-spine-raised hover:text-spine-ink"
          onClick={() => setDrawerOpen(true)}
        >
          <MenuIcon aria-hidden />
        </Button>
        <Logo />
        <span className="ml-auto truncate pr-2 text-[0.8125rem] text-spine-soft">{view.workspace.name}</span>
      </header>
      <Sheet
        isOpen={isDrawerOpen}
        onOpenChange={setDrawerOpen}
        side="left"
        title="Navigation"
        className="w-[min(19rem,86vw)]"
      >
        <Spine view={view} actions={actions} onNavigate={() => setDrawerOpen(false)}>
          {aside}
        </Spine>
      </Sheet>
      <main id="main" tabIndex={-1} className="min-w-0 flex-1 outline-none">
        {children}
      </main>
    </div>
  );
}
