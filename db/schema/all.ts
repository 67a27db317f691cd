/** Every table, for drizzle's typed client and for migrations. The rest of the code imports the file of its aggregate. */
export * from './adapters.ts';
export * from './auth.ts';
export * from './conversations.ts';
export * from './data-sets.ts';
export * from './documents.ts';
export * from './evaluation.ts';
export * from './processes.ts';
export * from './retrieval.ts';
export * from './runs.ts';
export * from './training.ts';
export * from './workspaces.ts';
