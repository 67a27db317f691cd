import { cva, type VariantProps } from 'class-variance-authority';
import { LoaderCircle } from 'lucide-react';
import { Slot } from 'radix-ui';
import type { ComponentProps } from 'react';
import { classNames } from './class-names.ts';

const buttonStyles = cva(
  'inline-flex shrink-0 items-center justify-center gap-2 whitespace-nowrap rounded-md font-medium transition-colors select-none disabled:pointer-events-none disabled:opacity-55 aria-disabled:opacity-55 [&_svg]:shrink-0',
  {
    variants: {
      look: {
        primary: 'bg-accent text-on-accent hover:bg-accent-hover',
        secondary: 'border border-line-strong bg-raised text-ink hover:border-control hover:bg-paper',
        quiet: 'text-ink-soft hover:bg-sunken hover:text-ink',
        danger: 'bg-danger text-on-danger hover:bg-danger-hover',
        link: 'rounded-sm text-accent-text underline underline-offset-4 decoration-1 hover:decoration-2',
      },
      size: {
        sm: 'h-8 px-3 text-[0.8125rem] [&_svg]:size-4',
        md: 'h-10 px-4 text-sm [&_svg]:size-4',
        lg: 'h-11 px-5 text-[0.9375rem] [&_svg]:size-[1.125rem]',
        icon: 'size-9 [&_svg]:size-[1.125rem]',
        'icon-sm': 'size-8 [&_svg]:size-4',
        none: 'h-auto p-0',
      },
    },
    defaultVariants: { look: 'secondary', size: 'md' },
  },
);

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof buttonStyles> {
  /** Render the only child (a link) with the button's look. */
  readonly asChild?: boolean;
  /** Shows a spinner and refuses clicks while an action runs. */
  readonly isPending?: boolean;
}

export function Button({ look, size, className, asChild, isPending, children, disabled, type, ...rest }: ButtonProps) {
  const styles = classNames(buttonStyles({ look, size }), className);
  if (asChild) {
    return (
      <Slot.Root className={styles} {...rest}>
        {children}
      </Slot.Root>
    );
  }
  return (
    <button
      type={type ?? 'button'}
      className={styles}
      disabled={disabled === true || isPending === true}
      aria-busy={isPending === true ? true : undefined}
      {...rest}
    >
      {isPending === true ? <LoaderCircle className="animate-spin" aria-hidden /> : null}
      {children}
    </button>
  );
}
