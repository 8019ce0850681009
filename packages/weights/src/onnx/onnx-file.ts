/** The weights in ONNX files, under the names of the modules that they were exported from. */
import { sizeOf } from '@tessera/tensor';
import type { SafetensorsData } from '@tessera/tensor/safetensors';
import { FileParts } from '../files/file-parts.ts';
import type { StoredTensor, StoredTensors } from '../files/stored-tensor.ts';
import { type OnnxGraph, type OnnxNode, readGraph } from './graph.ts';
import type { OnnxTensor } from './tensor-proto.ts';
import { WireReader } from './wire.ts';

/** Whether a path is that of an ONNX file. The format has no signature. */
export const isOnnxFile = (path: string): boolean => path.toLowerCase().endsWith('.onnx');

/**
 * Opens an ONNX file: its initializers by name. Exporters transpose the matrices of linear layers and give them names such as
 * `onnx::MatMul_123`: these are found by the bias that is added to their product, or by the name of the node, and are transposed back.
 *
 * @throws if the file is damaged or not an ONNX file; the message contains the path
 */
export function openOnnx(path: string): StoredTensors {
  const file = new FileParts(path);
  try {
    return { path, metadata: {}, ...namedWeights(readGraph(new WireReader(file))) };
  } catch (cause) {
    file.close();
    const { message } = cause as Error;
    throw new Error(message.startsWith(`${path}: `) ? message : `${path}: ${message}`, { cause });
  }
}

/** Names that exporters invent: `onnx::MatMul_123`, `val_12`, `/encoder/Constant_output_0`. */
const invented = /^onnx::|^val_\d+$|^\/|^_v_\d+$/;

/** The types of weights; whole numbers are indices and shapes of the graph. */
const floats: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16']);

/** A weight that a node uses, with the name of the module's parameter. */
interface Weight {
  readonly name: string;
  readonly tensor: OnnxTensor;
  readonly transposed: boolean;
}

function namedWeights({ initializers, constants, nodes }: OnnxGraph): Pick<StoredTensors, 'tensors' | 'notes'> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of initializers) if (!invented.test(name)) tensors.set(name, tensor);
  const addedTo = new Map<string, OnnxNode>();
  for (const node of nodes) if (node.type === 'Add') for (const input of node.inputs) addedTo.set(input, node);
  const find = (name: string): OnnxTensor | undefined => initializers.get(name) ?? constants.get(name);
  const used = new Set<string>();
  let transposed = 0;
  for (const node of nodes)
    for (const input of node.inputs) {
      const tensor = find(input);
      if (tensor === undefined || !invented.test(input)) continue;
      const weight = weightOf(node, input, tensor, addedTo, initializers.has(input));
      if (weight === null || tensors.has(weight.name)) continue;
      used.add(input);
      if (weight.transposed) transposed++;
      tensors.set(weight.name, weight.transposed ? transpose(weight.tensor) : weight.tensor);
    }
  const others = [...initializers].filter(([name]) => invented.test(name) && !used.has(name));
  const weights = others.filter(([, { dtype, shape }]) => floats.has(dtype) && sizeOf(shape) > 1);
  for (const [name, tensor] of weights) tensors.set(name, tensor);
  const notes = transposed === 0 ? [] : [`${transposed} matrices are named by their layers, and transposed back`];
  if (others.length > weights.length) notes.push(`left out: ${others.length - weights.length} numbers of the graph`);
  return { tensors, notes };
}

/** The parameter that a node's input is; null if that is not known. */
function weightOf(
  node: OnnxNode,
  input: string,
  tensor: OnnxTensor,
  addedTo: ReadonlyMap<string, OnnxNode>,
  isInitializer: boolean,
): Weight | null {
  const isMatrix = node.inputs[1] === input && tensor.shape.length === 2;
  const module = modulePath(node.name);
  if (isMatrix && (node.type === 'MatMul' || node.type === 'Gemm')) {
    const sum = addedTo.get(node.outputs[0] ?? '');
    const bias = [...(node.type === 'Gemm' ? node.inputs.slice(2) : []), ...(sum?.inputs ?? [])].find((name) =>
      name.endsWith('.bias'),
    );
    const layer = bias === undefined ? module : bias.slice(0, -'.bias'.length);
    const transposed = (node.integers.get('transB') ?? 0) === 0;
    return layer === null ? null : { name: `${layer}.weight`, tensor, transposed };
  }
  // What other operations use has no name of its own: the module's, and the operation.
  const isWeight = isInitializer && floats.has(tensor.dtype) && sizeOf(tensor.shape) > 1;
  return module === null || !isWeight ? null : { name: `${module}.${node.type}`, tensor, transposed: false };
}

/** The module of a node: `encoder.layer.0` for `/encoder/layer.0/MatMul`; null if its name does not tell. */
function modulePath(node: string): string | null {
  const parts = node.split('/').slice(1, -1);
  return node.startsWith('/') && parts.length > 0 ? parts.join('.') : null;
}

/** A matrix with its axes exchanged. */
function transpose({ dtype, shape, read }: OnnxTensor): StoredTensor {
  const [rows = 0, columns = 0] = shape;
  return {
    dtype,
    shape: [columns, rows],
    read() {
      const source = read();
      const target = source.slice() as SafetensorsData;
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++)
          target[column * rows + row] = source[row * columns + column] as (typeof source)[number];
      return target;
    },
  };
}
