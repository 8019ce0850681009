/** Collectives in programs: values that are exchanged with other ranks between two stages of kernels. */
import type { Communicator, ExchangedArray, Reduction } from './communicator.ts';
import { bytesOf, type DType } from './dtype.ts';

/** What is exchanged, along axis 0: see `Communicator`. */
export type CollectiveKind = 'allReduce' | 'allGather' | 'reduceScatter' | 'allToAll';

/** A collective, without what it is applied to. */
export interface Collective {
  readonly kind: CollectiveKind;
  /** Of allReduce and reduceScatter. */
  readonly reduction: Reduction;
  readonly communicator: Communicator;
}

/** The arrays in which ranks exchange elements of each dtype; those that no rank reduces are moved as bytes. */
const exchanged: Readonly<
  Record<DType, new (buffer: ArrayBufferLike, byteOffset: number, length: number) => ExchangedArray>
> = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u8: Uint8Array,
  bool: Uint8Array,
  f16: Uint8Array,
  bf16: Uint8Array,
};

/** The first `length` elements of `bytes`, as they are exchanged. */
export function exchangedArray(dtype: DType, bytes: Uint8Array, length: number): ExchangedArray {
  const type = exchanged[dtype];
  const size = (length * bytesOf(dtype)) / (type === Uint8Array ? 1 : bytesOf(dtype));
  return new type(bytes.buffer, bytes.byteOffset, size);
}

type Exchange = (collective: Collective, source: ExchangedArray, out: ExchangedArray) => void;

const exchanges: Readonly<Record<CollectiveKind, Exchange>> = {
  allReduce: ({ communicator, reduction }, source, out) => communicator.allReduce(source, out, reduction),
  allGather: ({ communicator }, source, out) => communicator.allGather(source, out),
  reduceScatter: ({ communicator, reduction }, source, out) => communicator.reduceScatter(source, out, reduction),
  allToAll: ({ communicator }, source, out) => communicator.allToAll(source, out),
};

/** Carries out a collective. Blocks until the result is in `out`. */
export const exchange: Exchange = (collective, source, out) => exchanges[collective.kind](collective, source, out);

const numbers = new WeakMap<Communicator, number>();
let nextNumber = 0;

/** The collective as text: `allReduce sum over 4 ranks`. With `unique`, equal only for the same communicator. */
export function formatCollective({ kind, reduction, communicator }: Collective, unique = false): string {
  const reduces = kind === 'allReduce' || kind === 'reduceScatter';
  const text = `${kind}${reduces ? ` ${reduction}` : ''} over ${communicator.ranks} ranks`;
  if (!unique) return text;
  let number = numbers.get(communicator);
  if (number === undefined) {
    number = nextNumber++;
    numbers.set(communicator, number);
  }
  return `${text} #${number}`;
}
