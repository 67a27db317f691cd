import { InvalidArgumentError } from 'commander';

/** Any number. */
export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/** Numbers separated by commas. */
export function parseNumbers(text: string): readonly number[] {
  return text.split(',').map(parseNumber);
}
