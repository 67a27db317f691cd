import { type ClassValue, clsx } from 'clsx';
import { extendTailwindMerge } from 'tailwind-merge';

/** `text-2xs` is a size of ours; without this entry it would be taken for a colour and drop the real one. */
const mergeClasses = extendTailwindMerge({ extend: { classGroups: { 'font-size': [{ text: ['2xs'] }] } } });

/** Join class names; a later Tailwind class wins over an earlier one of the same kind. */
export function classNames(...values: ClassValue[]): string {
  return mergeClasses(clsx(values));
}
