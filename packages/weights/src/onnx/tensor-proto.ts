/** Tensors in ONNX files: https://onnx.ai/onnx/repo-docs/IR.html and onnx.proto, `TensorProto`. */
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { sizeOf } from '@tessera/tensor';
import { decodeElements, elementBytes, type SafetensorsData, type SafetensorsDType } from '@tessera/tensor/safetensors';
import { FileParts } from '../files/file-parts.ts';
import { externalLocation, tensorFields, tensorTypes } from './fields.ts';
import type { Span, WireReader } from './wire.ts';

/** A tensor in a file: an initializer, or the value of a `Constant`. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  read(): SafetensorsData;
}

/** Reads the description of a tensor; its values stay in the file. @throws if its type is not supported, or its values do not fill its shape */
export function readTensorProto(reader: WireReader, span: Span): OnnxTensor {
  const shape: number[] = [];
  const external = new Map<string, string>();
  const spans: Span[] = [];
  const numbers: bigint[] = [];
  let name = '';
  let type = 0;
  let isExternal = false;
  for (const own of reader.fields(span))
    switch (own.number) {
      case tensorFields.dims:
        shape.push(...reader.integers(own).map(Number));
        break;
      case tensorFields.dataType:
        type = Number(own.value);
        break;
      case tensorFields.name:
        name = reader.text(own.bytes);
        break;
      case tensorFields.location:
        isExternal = own.value === BigInt(externalLocation);
        break;
      case tensorFields.external: {
        const [key, value] = [...reader.fields(own.bytes)].map(({ bytes }) => reader.text(bytes));
        external.set(key ?? '', value ?? '');
        break;
      }
      case tensorFields.raw:
      case tensorFields.floats:
      case tensorFields.doubles:
        spans.push(own.bytes);
        break;
      case tensorFields.int32s:
      case tensorFields.int64s:
      case tensorFields.uint64s:
        numbers.push(...reader.integers(own));
    }
  const dtype = tensorTypes[type];
  if (dtype === undefined) throw new Error(`${name}: has the ONNX type ${type}, which is not supported`);
  if (shape.some((size) => !(Number.isSafeInteger(size) && size >= 0)))
    throw new Error(`${name}: has the shape [${shape.join(', ')}]`);
  const needed = sizeOf(shape) * elementBytes(dtype);
  const found = isExternal
    ? externalParts(reader.file.path, name, external, needed)
    : { bytes: needed, read: () => (numbers.length > 0 ? packed(dtype, numbers) : joined(reader.file, spans)) };
  const present = isExternal
    ? found.bytes
    : numbers.length > 0
      ? numbers.length * elementBytes(dtype)
      : spanBytes(spans);
  if (present !== needed)
    throw new Error(`${name}: ${dtype} [${shape.join(', ')}] needs ${needed} bytes, but the file has ${present}`);
  return { name, dtype, shape, read: () => decodeElements(dtype, found.read()) };
}

const spanBytes = (spans: readonly Span[]): number => spans.reduce((sum, { begin, end }) => sum + end - begin, 0);

function joined(file: FileParts, spans: readonly Span[]): Uint8Array {
  const [first, ...others] = spans;
  if (first !== undefined && others.length === 0) return file.read(first.begin, first.end);
  return new Uint8Array(Buffer.concat(spans.map(({ begin, end }) => file.read(begin, end))));
}

/** The bytes of values that are stored as varints; those of f16 and bf16 are their bits. */
function packed(dtype: SafetensorsDType, numbers: readonly bigint[]): Uint8Array {
  const size = elementBytes(dtype);
  const bytes = Buffer.alloc(numbers.length * size);
  for (const [k, number] of numbers.entries())
    if (size === 8) bytes.writeBigUInt64LE(BigInt.asUintN(64, number), 8 * k);
    else bytes.writeUIntLE(Number(BigInt.asUintN(8 * size, number)), k * size, size);
  return new Uint8Array(bytes);
}

/** Values in another file of the same folder. */
function externalParts(
  path: string,
  name: string,
  external: ReadonlyMap<string, string>,
  needed: number,
): { readonly bytes: number; read(): Uint8Array } {
  const location = normalize(external.get('location') ?? '');
  if (location === '.' || isAbsolute(location) || location.split(sep).includes('..'))
    throw new Error(
      `${name}: refers to the file ${JSON.stringify(external.get('location') ?? '')}; expected one in the model's folder`,
    );
  const number = (key: string, otherwise: number): number => {
    const value = Number(external.get(key) ?? otherwise);
    if (!(Number.isSafeInteger(value) && value >= 0)) throw new Error(`${name}: has the ${key} ${external.get(key)}`);
    return value;
  };
  const file = new FileParts(join(dirname(path), location));
  const begin = number('offset', 0);
  const bytes = number('length', needed);
  if (begin + bytes > file.size)
    throw new Error(`${name}: needs bytes ${begin} to ${begin + bytes} of ${file.path}, which has ${file.size}`);
  return { bytes, read: () => file.read(begin, begin + bytes) };
}
