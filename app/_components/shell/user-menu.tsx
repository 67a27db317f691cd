'use client';

import { ChevronsUpDown, LogOut, MonitorSmartphone } from 'lucide-react';
import Link from 'next/link';
import { useTheme } from 'next-themes';
import { toast } from 'sonner';
import { Menu, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator } from '../ui/menu.tsx';
import type { ShellActions, ShellView } from './shell-view.ts';

const themes = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
  { value: 'system', label: 'As the system' },
] as const;

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => Array.from(word ?? '')[0] ?? '',
  );
  return letters.join('').toUpperCase() || '?';
}

export function UserMenu({ view, signOut }: { readonly view: ShellView; readonly signOut: ShellActions['signOut'] }) {
  const { theme, setTheme } = useTheme();
  const { name, email } = view.person;
  const leave = async () => {
    const result = await signOut({});
    // A full load: nothing of this person's data stays in the browser's memory.
    if (result.ok) window.location.assign(result.data.redirectTo);
    else toast.error(result.error.message);
  };
  return (
    <Menu
      side="top"
      className="min-w-60"
      trigger={
        <button
          type="button"
          className="flex w-full items-center gap-3 rounded-md px-2 py-1.5 text-left transition-colors hover:bg-spine-raised"
        >
          <span
            aria-hidden
            className="grid size-8 shrink-0 place-items-center rounded-full border border-spine-line text-xs font-medium"
          >
            {initialsOf(name)}
          </span>
          <span className="min-w-0 flex-1">
            <span className="sr-only">Account: </span>
            <span className="block truncate text-[0.8125rem] font-medium">{name}</span>
            <span className="block truncate text-xs text-spine-soft">{email}</span>
          </span>
          <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-spine-soft" />
        </button>
      }
    >
      <MenuLabel>Appearance</MenuLabel>
      <MenuRadioGroup value={theme ?? 'system'} onValueChange={setTheme}>
        {themes.map(({ value, label }) => (
          <MenuRadioItem key={value} value={value} onSelect={(event) => event.preventDefault()}>
            {label}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
      <MenuSeparator />
      <MenuItem asChild>
        <Link href={`/w/${view.workspace.slug}/account`}>
          <MonitorSmartphone aria-hidden />
          Account and sessions
        </Link>
      </MenuItem>
      <MenuItem onSelect={() => void leave()}>
        <LogOut aria-hidden />
        Sign out
      </MenuItem>
    </Menu>
  );
}
