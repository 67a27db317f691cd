import { AppError } from '#lib/domain/errors.ts';

/**
 * Tensor types of the ggml format: name → [number in the file, values a block, bytes a block].
 * Source of numbers and block sizes: the GGUF specification and ggml's block structures.
 */
const typeTable = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q4_1: [3, 32, 20],
  Q5_0: [6, 32, 22],
  Q5_1: [7, 32, 24],
  Q8_0: [8, 32, 34],
  Q2_K: [10, 256, 84],
  Q3_K: [11, 256, 110],
  Q4_K: [12, 256, 144],
  Q5_K: [13, 256, 176],
  Q6_K: [14, 256, 210],
  IQ2_XXS: [16, 256, 66],
  IQ2_XS: [17, 256, 74],
  IQ3_XXS: [18, 256, 98],
  IQ1_S: [19, 256, 50],
  IQ4_NL: [20, 32, 18],
  IQ3_S: [21, 256, 110],
  IQ2_S: [22, 256, 82],
  IQ4_XS: [23, 256, 136],
  BF16: [30, 1, 2],
} as const satisfies Record<string, readonly [number, number, number]>;

export type GgmlTypeName = keyof typeof typeTable;

export interface GgmlType {
  readonly name: GgmlTypeName;
  readonly code: number;
  /** Values that share one block; the first dimension of a tensor is a multiple of it. */
  readonly blockValues: number;
  readonly blockBytes: number;
}

function readType(name: GgmlTypeName): GgmlType {
  const [code, blockValues, blockBytes] = typeTable[name];
  return { name, code, blockValues, blockBytes };
}

export const ggmlTypes = {
  F32: readType('F32'),
  F16: readType('F16'),
  BF16: readType('BF16'),
  Q4_0: readType('Q4_0'),
  Q4_1: readType('Q4_1'),
  Q5_0: readType('Q5_0'),
  Q5_1: readType('Q5_1'),
  Q8_0: readType('Q8_0'),
  Q2_K: readType('Q2_K'),
  Q3_K: readType('Q3_K'),
  Q4_K: readType('Q4_K'),
  Q5_K: readType('Q5_K'),
  Q6_K: readType('Q6_K'),
  IQ1_S: readType('IQ1_S'),
  IQ2_XXS: readType('IQ2_XXS'),
  IQ2_XS: readType('IQ2_XS'),
  IQ2_S: readType('IQ2_S'),
  IQ3_XXS: readType('IQ3_XXS'),
  IQ3_S: readType('IQ3_S'),
  IQ4_NL: readType('IQ4_NL'),
  IQ4_XS: readType('IQ4_XS'),
} as const satisfies Readonly<Record<GgmlTypeName, GgmlType>>;

const byCode = new Map(Object.values<GgmlType>(ggmlTypes).map((type) => [type.code, type]));

/**
 * @param code the type's number in the file
 * @param tensorName for the message
 * @throws AppError `gguf.type-unsupported` with the number and the types that are supported
 */
export function requireGgmlType(code: number, tensorName: string): GgmlType {
  const type = byCode.get(code);
  if (type) return type;
  throw new AppError({
    code: 'gguf.type-unsupported',
    message: `tensor ${tensorName} has the ggml type ${code}; supported: ${Object.keys(ggmlTypes).join(', ')}`,
    details: { tensorName, type: code },
  });
}
