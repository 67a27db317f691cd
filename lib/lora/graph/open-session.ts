import { InferenceSession } from 'onnxruntime-node';

/** Where a graph computes. `cuda` needs ONNX Runtime's CUDA libraries beside the package. */
export type Device = 'cpu' | 'cuda';

export interface SessionOptions {
  /** Threads of the matrix products; 0 for one a core. */
  readonly threads: number;
  readonly device: Device;
  /** Write a trace of every node's time to a file with this prefix. */
  readonly profilePrefix?: string;
}

/** ONNX Runtime's level for errors; below it every node that has no CUDA kernel is a warning. */
const LOG_ERRORS_ONLY = 3;

/**
 * Open a graph whose weights lie in a file beside it.
 * @param modelPath of the ONNX file, in the directory of its external data
 * @throws Error of ONNX Runtime, also when the device is not there
 */
export function openTrainingSession(modelPath: string, options: SessionOptions): Promise<InferenceSession> {
  return InferenceSession.create(modelPath, {
    // Nodes without a CUDA kernel fall back to the CPU.
    executionProviders: options.device === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // A pattern is kept for every length of a run, and its block is claimed beside what the arena holds already.
    enableMemPattern: false,
    // Packed copies of the weights, one for each direction, would be twice the mapped file; packing as it goes costs
    // little beside products of hundreds of rows.
    // Threads that wait sleep: where another process serves at the same time, waiting by spinning takes its cores.
    extra: { session: { disable_prepacking: '1', 'intra_op.allow_spinning': '0' } },
    logSeverityLevel: LOG_ERRORS_ONLY,
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  });
}
