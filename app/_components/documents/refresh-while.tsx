'use client';

import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';

export function RefreshWhile({ isMoving }: { readonly isMoving: boolean }) {
  useRefreshWhile(isMoving);
  return null;
}
