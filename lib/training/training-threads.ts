import os from 'node:os';

export const countCores = () => os.availableParallelism();

/** One core stays free for serving. */
export const chooseTrainingThreads = () => Math.max(1, countCores() - 1);
