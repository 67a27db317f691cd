'use client';

import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import { Button, type ButtonProps } from './button.tsx';

/** How long the tick stands before the button offers to copy again. */
const CONFIRMATION_MS = 1_800;

/** Put text on the clipboard; plain-http addresses other than localhost have no clipboard API, so a selection does it there. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  return isCopied;
}

export function CopyButton({
  text,
  label,
  isIconOnly,
  ...rest
}: Omit<ButtonProps, 'onClick'> & {
  readonly text: string | (() => string);
  readonly label: string;
  readonly isIconOnly?: boolean;
}) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), CONFIRMATION_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    if (await copyText(typeof text === 'function' ? text() : text)) setCopied(true);
    else toast.error('The browser did not allow copying. Select the text and copy it by hand.');
  };
  const Icon = isCopied ? Check : Copy;
  return (
    <Button {...rest} aria-label={isIconOnly ? (isCopied ? 'Copied' : label) : undefined} onClick={() => void copy()}>
      <Icon aria-hidden />
      {isIconOnly ? null : isCopied ? 'Copied' : label}
    </Button>
  );
}
