/** Export of a model's forward pass as an ONNX file. */
import type { Module } from '@tessera/nn';
import type { Shape, Tensor } from '@tessera/tensor';
import { GraphBuilder, onnxTypeOf, type Value } from './graph-builder.ts';
import { lowerGraph, placeOf } from './lower.ts';
import { recordFunction } from './recording.ts';
import { type Dim, isBatch } from './symbolic.ts';
import { type OnnxModel, writeModel } from './write-model.ts';

/** The input of a file. Ids of tokens are whole numbers of 64 bits, as exporters of other libraries have them. */
export interface OnnxInput {
  readonly name: string;
  readonly kind: 'pixels' | 'ids';
  /** Without the batch. */
  readonly shape: Shape;
}

export interface OnnxExport {
  /** The model, which is recorded in evaluation mode. */
  readonly model: Module;
  /** From f32 [N, ...] (pixels) or i32 [N, ...] (ids) to one tensor [N, ...]. */
  forward(input: Tensor): Tensor;
  readonly input: OnnxInput;
  readonly output: string;
  /** Stored in the file as `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A recorded model that can be written. */
export interface PreparedOnnx {
  /** @param limit the largest number of bytes of weights in the file itself; default: 2 GiB */
  write(path: string, limit?: number): Promise<string[]>;
  /** The number of ONNX nodes of each type. */
  readonly operations: Readonly<Record<string, number>>;
}

function withoutTraining<T>(model: Module, body: () => T): T {
  const { training } = model;
  model.eval();
  try {
    return body();
  } finally {
    model.train(training);
  }
}

/**
 * Records a model as an ONNX graph of operation set 18 with any batch size. Nothing is written yet.
 *
 * @throws if the computation depends on the batch in a way that a file cannot express, or uses random numbers
 */
export function prepareOnnx({ model, forward, input, output, metadata = {} }: OnnxExport): PreparedOnnx {
  const { name, kind, shape } = input;
  const dtype = kind === 'ids' ? 'i32' : 'f32';
  const recorded = withoutTraining(model, () => recordFunction(forward, { shape, dtype }));
  const builder = new GraphBuilder(name, output);
  const dims: readonly Dim[] = [{ times: 1 }, ...shape];
  const given = kind === 'ids' ? builder.emit('Cast', [name], { to: 6 }) : name;
  const weights = new Map([...model.stateDict()].map(([own, { node }]) => [placeOf(node), own]));
  const result = lowerGraph(recorded, builder, { name: given, dtype, dims, scalar: false }, weights);
  const first = result.dims[0];
  if (first === undefined || !isBatch(first)) throw new Error(`${output}: the result does not depend on the batch`);
  finish(builder, result, output);
  const onnx: OnnxModel = {
    builder,
    name: output,
    input: { name, dtype: kind === 'ids' ? 'i64' : 'f32', dims },
    output: { name: output, dtype: onnxTypeOf(result.dtype), dims: result.dims },
    metadata,
  };
  const operations: Record<string, number> = {};
  for (const { type } of builder.nodes) operations[type] = (operations[type] ?? 0) + 1;
  return { write: (path, limit) => writeModel(path, onnx, limit), operations };
}

/** Names the result. */
const finish = (builder: GraphBuilder, { name }: Value, output: string): void => {
  builder.nodes.push({ type: 'Identity', inputs: [name], output, attributes: {} });
};
