/** The numbers of fields and types in ONNX files: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
import type { SafetensorsDType } from '@tessera/tensor/safetensors';

export const modelFields = {
  irVersion: 1,
  producer: 2,
  producerVersion: 3,
  documentation: 6,
  graph: 7,
  opset: 8,
  metadata: 14,
} as const;

export const opsetFields = { domain: 1, version: 2 } as const;

/** Of `StringStringEntryProto`. */
export const entryFields = { key: 1, value: 2 } as const;

export const graphFields = { node: 1, name: 2, initializer: 5, input: 11, output: 12, sparse: 15 } as const;

export const nodeFields = { input: 1, output: 2, name: 3, type: 4, attribute: 5 } as const;

export const attributeFields = { name: 1, integer: 3, text: 4, tensor: 5, integers: 8, type: 20 } as const;

/** `AttributeProto.AttributeType` */
export const attributeTypes = { integer: 2, text: 3, integers: 7 } as const;

export const valueInfoFields = { name: 1, type: 2 } as const;

/** Of `TypeProto`, `TypeProto.Tensor`, `TensorShapeProto` and its `Dimension`. */
export const typeFields = { tensor: 1, elementType: 1, shape: 2, dimension: 1, size: 1, parameter: 2 } as const;

export const tensorFields = {
  dims: 1,
  dataType: 2,
  floats: 4,
  int32s: 5,
  int64s: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  uint64s: 11,
  external: 13,
  location: 14,
} as const;

/** `TensorProto.DataLocation.EXTERNAL` */
export const externalLocation = 1;

/** `TensorProto.DataType` by number. */
export const tensorTypes: Readonly<Record<number, SafetensorsDType>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  4: 'U16',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  12: 'U32',
  13: 'U64',
  16: 'BF16',
};
