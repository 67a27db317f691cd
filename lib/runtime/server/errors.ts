import { AppError } from '#lib/domain/errors.ts';

export function runtimeBusy(limit: number): AppError {
  return new AppError({
    code: 'runtime.busy',
    message: `the inference queue is full: ${limit} requests are waiting`,
    userMessage: 'The assistant is busy. Please try again in a moment.',
    isRetryable: true,
    retryAfterMs: 2000,
    details: { limit },
  });
}

export function runtimeLoading(): AppError {
  return new AppError({
    code: 'runtime.unavailable',
    message: 'the inference server is still loading its models',
    userMessage: 'The assistant is starting. Please try again in a few seconds.',
    isRetryable: true,
    retryAfterMs: 1000,
  });
}

export function noBaseModel(reason: string): AppError {
  return new AppError({
    code: 'runtime.no-base-model',
    message: `no base model is loaded: ${reason}`,
    userMessage: 'No language model is installed; answers are passages from the documents.',
    details: { reason },
  });
}

export function noEmbeddingModel(reason: string): AppError {
  return new AppError({
    code: 'runtime.no-embedding-model',
    message: `no embedding model is loaded: ${reason}`,
    userMessage: 'Search is not available because the embedding model could not be loaded.',
    details: { reason },
  });
}

export function modelUnknown(model: string, known: readonly string[]): AppError {
  return new AppError({
    code: 'runtime.model-unknown',
    message: `model ${JSON.stringify(model)} is not loaded; known: ${known.join(', ') || 'none'}`,
    userMessage: 'The requested model or adapter is not loaded.',
    details: { model },
  });
}

/** @param contextTokens tokens that prompt and answer share */
export function promptTooLong(promptTokens: number, contextTokens: number): AppError {
  return new AppError({
    code: 'runtime.prompt-too-long',
    message: `the prompt has ${promptTokens} tokens; the context holds ${contextTokens}, one of which the answer needs`,
    userMessage: 'The question together with its sources is too long for the model.',
    details: { promptTokens, contextTokens },
  });
}
