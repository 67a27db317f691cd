import { AppError } from '#lib/domain/errors.ts';

export function invalidBlend(reason: string, details: Record<string, string | number> = {}): AppError {
  return new AppError({
    code: 'blend.invalid',
    message: `these adapters cannot be blended: ${reason}`,
    userMessage: `These adapters cannot be blended: ${reason}.`,
    details,
  });
}
