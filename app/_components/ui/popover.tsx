'use client';

import { HoverCard as HoverPrimitive, Popover as Primitive, Tooltip as TooltipPrimitive } from 'radix-ui';
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';

const cardStyles = 'z-50 animate-appear rounded-lg border border-line bg-raised text-sm text-ink shadow-float';

export function Popover({
  trigger,
  label,
  align = 'start',
  isOpen,
  onOpenChange,
  className,
  children,
}: {
  readonly trigger: ReactNode;
  /** Accessible name of the panel. */
  readonly label: string;
  readonly align?: 'start' | 'center' | 'end';
  readonly isOpen?: boolean;
  readonly onOpenChange?: (isOpen: boolean) => void;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  return (
    <Primitive.Root
      {...(isOpen === undefined ? {} : { open: isOpen })}
      {...(onOpenChange === undefined ? {} : { onOpenChange })}
    >
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          aria-label={label}
          align={align}
          sideOffset={8}
          collisionPadding={12}
          className={classNames(cardStyles, 'w-[min(24rem,calc(100vw-24px))] p-4', className)}
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

/** A card that opens on hover and on keyboard focus. Its content must also be reachable another way: touch has no hover. */
export function HoverCard({ trigger, children }: { readonly trigger: ReactNode; readonly children: ReactNode }) {
  return (
    <HoverPrimitive.Root openDelay={140} closeDelay={80}>
      <HoverPrimitive.Trigger asChild>{trigger}</HoverPrimitive.Trigger>
      <HoverPrimitive.Portal>
        <HoverPrimitive.Content
          side="top"
          sideOffset={8}
          collisionPadding={12}
          className={classNames(cardStyles, 'w-[min(22rem,calc(100vw-24px))] p-3.5')}
        >
          {children}
        </HoverPrimitive.Content>
      </HoverPrimitive.Portal>
    </HoverPrimitive.Root>
  );
}

export const TooltipProvider = TooltipPrimitive.Provider;

export function Tooltip({ content, children }: { readonly content: ReactNode; readonly children: ReactNode }) {
  return (
    <TooltipPrimitive.Root>
      <TooltipPrimitive.Trigger asChild>{children}</TooltipPrimitive.Trigger>
      <TooltipPrimitive.Portal>
        <TooltipPrimitive.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-72 animate-appear rounded-md bg-ink px-2.5 py-1.5 text-xs leading-snug text-paper shadow-float"
        >
          {content}
        </TooltipPrimitive.Content>
      </TooltipPrimitive.Portal>
    </TooltipPrimitive.Root>
  );
}
