'use client';

import { ThemeProvider, useTheme } from 'next-themes';
import type { ReactNode } from 'react';
import { Toaster } from 'sonner';
import { TooltipProvider } from './ui/popover.tsx';

function ThemedToaster() {
  const { resolvedTheme } = useTheme();
  return (
    <Toaster
      theme={resolvedTheme === 'dark' ? 'dark' : 'light'}
      position="bottom-right"
      toastOptions={{
        classNames: {
          toast: '!rounded-lg !border !border-line !bg-raised !text-ink !shadow-float !font-sans',
          description: '!text-ink-soft',
          actionButton: '!bg-accent !text-on-accent !rounded-md',
          error: '!text-danger',
        },
      }}
    />
  );
}

/** @param nonce of the page's content security policy: the theme is set by an inline script before the first paint */
export function Providers({ nonce, children }: { readonly nonce: string | undefined; readonly children: ReactNode }) {
  return (
    <ThemeProvider
      attribute="class"
      defaultTheme="system"
      enableSystem
      disableTransitionOnChange
      {...(nonce === undefined ? {} : { nonce })}
    >
      <TooltipProvider delayDuration={250}>{children}</TooltipProvider>
      <ThemedToaster />
    </ThemeProvider>
  );
}
