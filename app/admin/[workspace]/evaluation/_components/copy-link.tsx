'use client';

import type { ButtonProps } from '#app/_components/ui/button.tsx';
import { CopyButton } from '#app/_components/ui/copy-button.tsx';

/** An address that opens the same for everyone in the workspace who may read evaluations. */
export function CopyLink({
  path,
  ...rest
}: { readonly path: string } & Pick<ButtonProps, 'look' | 'size' | 'className'>) {
  return <CopyButton {...rest} label="Copy link" text={() => new URL(path, window.location.href).href} />;
}
