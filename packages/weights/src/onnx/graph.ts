/** The graph of an ONNX file: its tensors, and the nodes that use them. */
import { attributeFields, graphFields, modelFields, nodeFields } from './fields.ts';
import { type OnnxTensor, readTensorProto } from './tensor-proto.ts';
import type { Span, WireReader } from './wire.ts';

/** A node of the graph. */
export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that are whole numbers. */
  readonly integers: ReadonlyMap<string, number>;
}

export interface OnnxGraph {
  /** Initializers by name. */
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  /** Values of `Constant` nodes by the name of the output. */
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  readonly nodes: readonly OnnxNode[];
}

/** Far more than any model has. */
const maximumNodes = 1_000_000;

/** Reads the graph of a model. @throws if the file is damaged, is not a model, or has tensors that cannot be read */
export function readGraph(reader: WireReader): OnnxGraph {
  const initializers = new Map<string, OnnxTensor>();
  const constants = new Map<string, OnnxTensor>();
  const nodes: OnnxNode[] = [];
  const top = [...reader.fields({ begin: 0, end: reader.file.size })];
  const graphs = top.filter(({ number, kind }) => number === modelFields.graph && kind === 'bytes');
  const [found] = graphs;
  if (found === undefined || graphs.length > 1) throw new Error('is not an ONNX file: it has no graph');
  for (const { number, bytes } of reader.fields(found.bytes))
    if (number === graphFields.initializer) {
      const tensor = readTensorProto(reader, bytes);
      if (initializers.has(tensor.name)) throw new Error(`has two initializers named ${tensor.name}`);
      initializers.set(tensor.name, tensor);
    } else if (number === graphFields.sparse) throw new Error('has sparse initializers, which are not supported');
    else if (number === graphFields.node) {
      if (nodes.length >= maximumNodes) throw new Error(`has more than ${maximumNodes} nodes`);
      const { tensor, ...own } = readNode(reader, bytes);
      nodes.push(own);
      const [output] = own.outputs;
      if (own.type === 'Constant' && tensor !== null && output !== undefined) constants.set(output, tensor);
    }
  return { initializers, constants, nodes };
}

function readNode(reader: WireReader, span: Span): OnnxNode & { readonly tensor: OnnxTensor | null } {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const integers = new Map<string, number>();
  const attributes: Span[] = [];
  let name = '';
  let type = '';
  for (const { number, bytes } of reader.fields(span))
    if (number === nodeFields.input) inputs.push(reader.text(bytes));
    else if (number === nodeFields.output) outputs.push(reader.text(bytes));
    else if (number === nodeFields.name) name = reader.text(bytes);
    else if (number === nodeFields.type) type = reader.text(bytes);
    else if (number === nodeFields.attribute) attributes.push(bytes);
  let tensor: OnnxTensor | null = null;
  for (const bytes of attributes) {
    let key = '';
    for (const own of reader.fields(bytes))
      if (own.number === attributeFields.name) key = reader.text(own.bytes);
      else if (own.number === attributeFields.integer) integers.set(key, Number(BigInt.asIntN(64, own.value)));
      // Only a Constant's value can be a weight.
      else if (own.number === attributeFields.tensor && type === 'Constant') tensor = readConstant(reader, own.bytes);
  }
  return { name, type, inputs, outputs, integers, tensor };
}

/** A constant of a type that is not supported, such as a string, is not a weight. */
function readConstant(reader: WireReader, span: Span): OnnxTensor | null {
  try {
    return readTensorProto(reader, span);
  } catch {
    return null;
  }
}
