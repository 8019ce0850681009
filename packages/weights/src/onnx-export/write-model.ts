/** Writing of ONNX files: https://onnx.ai/onnx/repo-docs/IR.html */
import { basename } from 'node:path';
import { replaceFile, writeFully } from '@tessera/data/io';
import {
  attributeFields,
  attributeTypes,
  entryFields,
  externalLocation,
  graphFields,
  modelFields,
  nodeFields,
  opsetFields,
  tensorFields,
  typeFields,
  valueInfoFields,
} from '../onnx/fields.ts';
import {
  type Attribute,
  type GraphBuilder,
  type GraphNode,
  type Initializer,
  type OnnxDType,
  onnxTypes,
} from './graph-builder.ts';
import { fieldHeader, joinParts, messageField, numberField, type Part, textField } from './protocol.ts';
import { type Dim, isBatch } from './symbolic.ts';

/** The newest operations that are used: reductions whose axes are an input, and those of bits. */
const opset = 18;
/** The version of the format that came with them. */
const irVersion = 8;

/** A message of protocol buffers has at most 2 GiB; some room is left for the nodes. */
const largestFile = 2 ** 31 - 2 ** 26;

/** Smaller tensors, such as shapes, stay in the file: readers need them to follow the graph. */
const smallestApart = 1024;

/** An input or output of the graph. */
interface Port {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly dims: readonly Dim[];
}

export interface OnnxModel {
  readonly builder: GraphBuilder;
  readonly name: string;
  readonly input: Port;
  readonly output: Port;
  readonly metadata: Readonly<Record<string, string>>;
}

const bytesPerElement: Readonly<Record<OnnxDType, number>> = { f32: 4, u8: 1, i32: 4, i64: 8, bool: 1, f64: 8, u32: 4 };

const byteLength = ({ shape, dtype }: Initializer): number =>
  shape.reduce((product, size) => product * size, 1) * bytesPerElement[dtype];

function attributePart(name: string, value: Attribute): Part {
  const own = textField(attributeFields.name, name);
  const typed = (type: number): Part => numberField(attributeFields.type, type);
  if (typeof value === 'number')
    return messageField(
      nodeFields.attribute,
      own,
      numberField(attributeFields.integer, value),
      typed(attributeTypes.integer),
    );
  if (typeof value === 'string')
    return messageField(nodeFields.attribute, own, textField(attributeFields.text, value), typed(attributeTypes.text));
  return messageField(
    nodeFields.attribute,
    own,
    ...value.map((number) => numberField(attributeFields.integers, number)),
    typed(attributeTypes.integers),
  );
}

const nodePart = ({ type, inputs, output, attributes }: GraphNode): Part =>
  messageField(
    graphFields.node,
    ...inputs.map((name) => textField(nodeFields.input, name)),
    textField(nodeFields.output, output),
    textField(nodeFields.name, output),
    textField(nodeFields.type, type),
    ...Object.entries(attributes).map(([name, value]) => attributePart(name, value)),
  );

function portPart(field: number, { name, dtype, dims }: Port): Part {
  const shape = dims.map((dim) =>
    messageField(
      typeFields.dimension,
      isBatch(dim)
        ? textField(typeFields.parameter, dim.times === 1 ? 'batch' : `${dim.times} * batch`)
        : numberField(typeFields.size, dim),
    ),
  );
  const type = messageField(
    typeFields.tensor,
    numberField(typeFields.elementType, onnxTypes[dtype]),
    messageField(typeFields.shape, ...shape),
  );
  return messageField(field, textField(valueInfoFields.name, name), messageField(valueInfoFields.type, type));
}

const describeTensor = ({ name, dtype, shape }: Initializer): Part[] => [
  ...shape.map((size) => numberField(tensorFields.dims, size)),
  numberField(tensorFields.dataType, onnxTypes[dtype]),
  textField(tensorFields.name, name),
];

const entry = (field: number, key: string, value: string): Part =>
  messageField(field, textField(entryFields.key, key), textField(entryFields.value, value));

async function bytesOf(initializer: Initializer): Promise<Uint8Array> {
  const { buffer, byteOffset, byteLength: length } = await initializer.read();
  const expected = byteLength(initializer);
  if (length !== expected) throw new Error(`${initializer.name}: has ${length} bytes; expected ${expected}`);
  return new Uint8Array(buffer, byteOffset, length);
}

/** An initializer in the file: what stands before its bytes, and their number. */
function insidePart(initializer: Initializer): { readonly head: Part; readonly length: number } {
  const length = byteLength(initializer);
  const described = joinParts([...describeTensor(initializer), fieldHeader(tensorFields.raw, length)]);
  return { head: joinParts([fieldHeader(graphFields.initializer, described.length + length), described]), length };
}

/** Writes weights to a file of their own. @returns their descriptions for the model's file */
async function writeApart(path: string, initializers: readonly Initializer[]): Promise<Part[]> {
  const location = basename(path);
  const parts: Part[] = [];
  let offset = 0;
  for (const own of initializers) {
    const length = byteLength(own);
    const place = Object.entries({ location, offset, length });
    parts.push(
      messageField(
        graphFields.initializer,
        ...describeTensor(own),
        ...place.map(([key, value]) => entry(tensorFields.external, key, String(value))),
        numberField(tensorFields.location, externalLocation),
      ),
    );
    offset += length;
  }
  await replaceFile(
    path,
    async (file) => {
      for (const own of initializers) await writeFully(file, await bytesOf(own));
    },
    offset,
  );
  return parts;
}

/**
 * Writes a model atomically. Weights of more than 2 GiB are written to a file of their own next to it, `PATH.data`, before it.
 *
 * @param limit the largest number of bytes of weights in the file itself
 * @returns the paths of the files
 */
export async function writeModel(path: string, model: OnnxModel, limit = largestFile): Promise<string[]> {
  const { builder, name, input, output, metadata } = model;
  const { initializers } = builder;
  const total = initializers.reduce((sum, own) => sum + byteLength(own), 0);
  const before = [
    numberField(modelFields.irVersion, irVersion),
    textField(modelFields.producer, 'tessera'),
    messageField(modelFields.opset, textField(opsetFields.domain, ''), numberField(opsetFields.version, opset)),
    ...Object.entries(metadata).map(([key, value]) => entry(modelFields.metadata, key, value)),
  ];
  const graph = [
    ...builder.nodes.map(nodePart),
    textField(graphFields.name, name),
    portPart(graphFields.input, input),
    portPart(graphFields.output, output),
  ];
  const apart = total > limit ? initializers.filter((own) => byteLength(own) >= smallestApart) : [];
  const files = [path];
  if (apart.length > 0) {
    files.push(`${path}.data`);
    graph.push(...(await writeApart(`${path}.data`, apart)));
  }
  const inside = initializers.filter((own) => !apart.includes(own)).map((own) => ({ own, ...insidePart(own) }));
  const fixed = joinParts(graph);
  const length = inside.reduce((sum, part) => sum + part.head.length + part.length, fixed.length);
  const head = joinParts([...before, fieldHeader(modelFields.graph, length), fixed]);
  await replaceFile(
    path,
    async (file) => {
      await writeFully(file, head);
      for (const { own, head: described } of inside) {
        await writeFully(file, described);
        await writeFully(file, await bytesOf(own));
      }
    },
    head.length + length,
  );
  return files;
}
