import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeOnnx } from '../graph/encode-onnx.ts';

/** Row-major: element (i, j) stands at `values[i · columns + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

export function transposeMatrix({ rows, columns, values }: Matrix): Matrix {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j] ?? 0;
  return { rows: columns, columns: rows, values: turned };
}

export interface MatrixProduct {
  /** Left · right. @throws RangeError when the sizes do not meet */
  multiply(left: Matrix, right: Matrix): Promise<Matrix>;
  /** Leftᵀ · right, without forming the transpose. @throws RangeError as above */
  multiplyTransposed(left: Matrix, right: Matrix): Promise<Matrix>;
  close(): Promise<void>;
}

async function openSession(isLeftTransposed: boolean, threads: number): Promise<InferenceSession> {
  const model = encodeOnnx({
    nodes: [
      {
        operator: 'Gemm',
        inputs: ['left', 'right'],
        outputs: ['product'],
        attributes: { transA: isLeftTransposed ? 1 : 0 },
      },
    ],
    inputs: [
      { name: 'left', dataType: 'float32', shape: isLeftTransposed ? ['inner', 'm'] : ['m', 'inner'] },
      { name: 'right', dataType: 'float32', shape: ['inner', 'n'] },
    ],
    outputs: [{ name: 'product', dataType: 'float32', shape: ['m', 'n'] }],
    initializers: [],
  });
  return InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 });
}

async function run(session: InferenceSession, left: Matrix, right: Matrix, rows: number): Promise<Matrix> {
  const { product } = await session.run({
    left: new Tensor('float32', left.values, [left.rows, left.columns]),
    right: new Tensor('float32', right.values, [right.rows, right.columns]),
  });
  const values = product?.data;
  if (!(values instanceof Float32Array)) throw new TypeError('the product is no f32 tensor');
  return { rows, columns: right.columns, values };
}

function requireInner(left: number, right: number): void {
  if (left !== right) throw new RangeError(`an inner dimension of ${left} does not meet one of ${right}`);
}

/**
 * Products of f32 matrices by ONNX Runtime, whose kernels are many times faster than loops of JavaScript.
 * @param threads cores to use; 1 leaves the rest to serving
 */
export async function openMatrixProduct(threads = 1): Promise<MatrixProduct> {
  const plain = await openSession(false, threads);
  const transposed = await openSession(true, threads);
  return {
    multiply: async (left, right) => {
      requireInner(left.columns, right.rows);
      return run(plain, left, right, left.rows);
    },
    multiplyTransposed: async (left, right) => {
      requireInner(left.rows, right.rows);
      return run(transposed, left, right, left.columns);
    },
    close: async () => {
      await plain.release();
      await transposed.release();
    },
  };
}
