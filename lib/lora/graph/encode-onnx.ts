import protobuf from 'protobufjs';

/**
 * The part of the ONNX format (IR version 10, operator set 20) that a training graph needs. Field numbers are the format's.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const schema = protobuf.Root.fromJSON({
  nested: {
    Attribute: {
      fields: {
        name: { id: 1, type: 'string' },
        f: { id: 2, type: 'float' },
        i: { id: 3, type: 'int64' },
        s: { id: 4, type: 'bytes' },
        floats: { id: 7, type: 'float', rule: 'repeated' },
        ints: { id: 8, type: 'int64', rule: 'repeated' },
        type: { id: 20, type: 'int32' },
      },
    },
    Node: {
      fields: {
        input: { id: 1, type: 'string', rule: 'repeated' },
        output: { id: 2, type: 'string', rule: 'repeated' },
        name: { id: 3, type: 'string' },
        opType: { id: 4, type: 'string' },
        attribute: { id: 5, type: 'Attribute', rule: 'repeated' },
        domain: { id: 7, type: 'string' },
      },
    },
    Entry: { fields: { key: { id: 1, type: 'string' }, value: { id: 2, type: 'string' } } },
    Tensor: {
      fields: {
        dims: { id: 1, type: 'int64', rule: 'repeated' },
        dataType: { id: 2, type: 'int32' },
        name: { id: 8, type: 'string' },
        rawData: { id: 9, type: 'bytes' },
        externalData: { id: 13, type: 'Entry', rule: 'repeated' },
        dataLocation: { id: 14, type: 'int32' },
      },
    },
    Dimension: { fields: { dimValue: { id: 1, type: 'int64' }, dimParam: { id: 2, type: 'string' } } },
    Shape: { fields: { dim: { id: 1, type: 'Dimension', rule: 'repeated' } } },
    TensorType: { fields: { elemType: { id: 1, type: 'int32' }, shape: { id: 2, type: 'Shape' } } },
    Type: { fields: { tensorType: { id: 1, type: 'TensorType' } } },
    ValueInfo: { fields: { name: { id: 1, type: 'string' }, type: { id: 2, type: 'Type' } } },
    Graph: {
      fields: {
        node: { id: 1, type: 'Node', rule: 'repeated' },
        name: { id: 2, type: 'string' },
        initializer: { id: 5, type: 'Tensor', rule: 'repeated' },
        input: { id: 11, type: 'ValueInfo', rule: 'repeated' },
        output: { id: 12, type: 'ValueInfo', rule: 'repeated' },
      },
    },
    OperatorSet: { fields: { domain: { id: 1, type: 'string' }, version: { id: 2, type: 'int64' } } },
    Model: {
      fields: {
        irVersion: { id: 1, type: 'int64' },
        producerName: { id: 2, type: 'string' },
        graph: { id: 7, type: 'Graph' },
        opsetImport: { id: 8, type: 'OperatorSet', rule: 'repeated' },
      },
    },
  },
});
const modelType = schema.lookupType('Model');

const IR_VERSION = 10;
const OPERATOR_SET = 20;

/** Operators that ONNX Runtime adds to the standard's, in a set of their own. */
const RUNTIME_DOMAIN = 'com.microsoft';
const RUNTIME_OPERATOR_SET = 1;
const runtimeOperators = new Set(['FusedMatMul', 'QuickGelu', 'RotaryEmbedding']);

export type OnnxDataType = 'float32' | 'float64' | 'int64';
const dataTypeCode: Readonly<Record<OnnxDataType, number>> = { float32: 1, int64: 7, float64: 11 };

/** A number, or the name of a dimension that each run sets anew. */
export type Dimension = number | string;

export type OnnxAttribute = number | string | { readonly float: number } | readonly number[];

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** A bare number is an integer attribute. */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensorInfo {
  readonly name: string;
  readonly dataType: OnnxDataType;
  readonly shape: readonly Dimension[];
}

/** A constant: in the model, or in a file beside it at a byte offset (a model itself may not pass 2 GB). */
export interface OnnxInitializer {
  readonly name: string;
  readonly dataType: OnnxDataType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | { readonly fileName: string; readonly byteOffset: number; readonly byteLength: number };
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxTensorInfo[];
  readonly outputs: readonly OnnxTensorInfo[];
  readonly initializers: readonly OnnxInitializer[];
}

function encodeAttribute(name: string, value: OnnxAttribute): object {
  // Attribute types of the format: 1 float, 2 int, 3 string, 7 ints.
  if (typeof value === 'number') return { name, i: value, type: 2 };
  if (typeof value === 'string') return { name, s: Buffer.from(value), type: 3 };
  if ('float' in value) return { name, f: value.float, type: 1 };
  return { name, ints: value, type: 7 };
}

function encodeInfo({ name, dataType, shape }: OnnxTensorInfo): object {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: dataTypeCode[dataType], shape: { dim } } } };
}

function encodeInitializer({ name, dataType, shape, data }: OnnxInitializer): object {
  const common = { name, dims: shape, dataType: dataTypeCode[dataType] };
  if (data instanceof Uint8Array) return { ...common, rawData: data };
  const externalData = [
    { key: 'location', value: data.fileName },
    { key: 'offset', value: String(data.byteOffset) },
    { key: 'length', value: String(data.byteLength) },
  ];
  return { ...common, externalData, dataLocation: 1 };
}

/**
 * ONNX Runtime walks from the last node that nothing reads up through its inputs, and so on to the first such node; it runs
 * nodes in that order, not in the file's. So nodes that only give out a result come last, the earliest at the very end: each
 * is then run as soon as its inputs are there, and what only it reads does not wait for the end of the run.
 */
function orderNodes({ nodes, outputs }: OnnxGraph): readonly OnnxNode[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const given = new Set(outputs.map(({ name }) => name));
  const isLeaf = (node: OnnxNode) => node.outputs.every((name) => given.has(name) && !read.has(name));
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).toReversed()];
}

/** Bytes of an ONNX model with this graph. */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  return modelType
    .encode({
      irVersion: IR_VERSION,
      producerName: 'lorehouse',
      opsetImport: [
        { domain: '', version: OPERATOR_SET },
        { domain: RUNTIME_DOMAIN, version: RUNTIME_OPERATOR_SET },
      ],
      graph: {
        name: 'lora',
        node: orderNodes(graph).map((node, i) => ({
          input: node.inputs,
          output: node.outputs,
          name: `${node.operator}_${i}`,
          opType: node.operator,
          domain: runtimeOperators.has(node.operator) ? RUNTIME_DOMAIN : '',
          attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => encodeAttribute(name, value)),
        })),
        initializer: graph.initializers.map(encodeInitializer),
        input: graph.inputs.map(encodeInfo),
        output: graph.outputs.map(encodeInfo),
      },
    })
    .finish();
}
