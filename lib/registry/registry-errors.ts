import { AppError } from '#lib/domain/errors.ts';

/** @param expected SHA-256 of the chat template that the adapter was trained with */
export function templateMismatch(expected: string, actual: string): AppError {
  return new AppError({
    code: 'adapter.template-mismatch',
    message: `the adapter was trained with the chat template ${expected}; the one in use is ${actual}`,
    userMessage: `This adapter was trained with another chat template (SHA-256 ${expected}); the one in use has ${actual}. Its answers would be spoilt.`,
    details: { expected, actual },
  });
}
