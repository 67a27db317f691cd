/** For `node --stack-size` of the process that opens an engine; half of what Linux and macOS give a main thread. */
export const ENGINE_STACK_KIB = 3900;
