'use client';

import { X } from 'lucide-react';
import { Dialog as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { classNames } from './class-names.ts';

const overlayStyles = 'fixed inset-0 z-40 bg-black/45 animate-appear';

export function Dialog({
  isOpen,
  onOpenChange,
  trigger,
  title,
  description,
  className,
  children,
}: {
  readonly isOpen?: boolean;
  readonly onOpenChange?: (isOpen: boolean) => void;
  readonly trigger?: ReactNode;
  readonly title: string;
  readonly description?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  return (
    <Primitive.Root
      {...(isOpen === undefined ? {} : { open: isOpen })}
      {...(onOpenChange === undefined ? {} : { onOpenChange })}
    >
      {trigger ? <Primitive.Trigger asChild>{trigger}</Primitive.Trigger> : null}
      <Primitive.Portal>
        <Primitive.Overlay className={overlayStyles} />
        <Primitive.Content
          className={classNames(
            'fixed inset-x-4 top-[10vh] z-50 mx-auto flex max-h-[80vh] max-w-lg animate-rise flex-col overflow-hidden rounded-xl border border-line bg-raised shadow-float',
            className,
          )}
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <div className="flex items-start justify-between gap-4 px-6 pt-5">
            <div className="min-w-0">
              <Primitive.Title className="font-serif text-xl font-semibold">{title}</Primitive.Title>
              {description ? (
                <Primitive.Description className="mt-1 text-sm leading-relaxed text-ink-soft">
                  {description}
                </Primitive.Description>
              ) : null}
            </div>
            <Primitive.Close asChild>
              <Button look="quiet" size="icon-sm" aria-label="Close" className="-mr-2 -mt-1">
                <X aria-hidden />
              </Button>
            </Primitive.Close>
          </div>
          <div className="min-h-0 overflow-y-auto px-6 pb-6 pt-4">{children}</div>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

export const DialogClose = Primitive.Close;

/** A panel that slides in from an edge: the navigation drawer on phones, the source panel on narrow screens. */
export function Sheet({
  isOpen,
  onOpenChange,
  side,
  title,
  className,
  children,
}: {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
  readonly side: 'left' | 'right';
  readonly title: string;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  return (
    <Primitive.Root open={isOpen} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className={overlayStyles} />
        <Primitive.Content
          aria-describedby={undefined}
          className={classNames(
            'fixed inset-y-0 z-50 flex flex-col shadow-float outline-none',
            side === 'left' ? 'left-0 animate-slide-right' : 'right-0 animate-slide-left',
            className,
          )}
        >
          <Primitive.Title className="sr-only">{title}</Primitive.Title>
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
