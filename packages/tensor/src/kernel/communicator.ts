/** The interface to the other ranks of a distributed program: processes or threads that run the same program on parts of the data. */

/** Elements that ranks exchange. Other dtypes are exchanged as bytes, which can be moved and not reduced. */
export type ExchangedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/**
 * How the values of the ranks are combined, element by element. Sums of i32 and u8 wrap around. `max` and `min` are NaN where any value is,
 * and order -0 before 0.
 */
export type Reduction = 'sum' | 'max' | 'min';

/**
 * Collective operations. Every rank must make the same calls in the same order, with arrays of the same dtype and length; a rank that
 * does not is an error on all of them. Calls block until the result is there. Arrays may be views of shared memory. `source` and `out` must
 * not overlap, except that `allReduce` works in place if they are the same elements.
 */
export interface Communicator {
  /** What the ranks are, for people, such as "worker threads". */
  readonly name: string;
  /** The number of this rank, from 0. */
  readonly rank: number;
  /** How many ranks there are. */
  readonly ranks: number;
  /** `out[i]` becomes the reduction of `source[i]` over the ranks, with the same bits on all of them. */
  allReduce(source: ExchangedArray, out: ExchangedArray, reduction?: Reduction): void;
  /** `out`, of `ranks` times as many elements, becomes the sources of all ranks one after the other. */
  allGather(source: ExchangedArray, out: ExchangedArray): void;
  /** `source` has `ranks` equal parts; `out` becomes the reduction over the ranks of the part with the number of this rank. */
  reduceScatter(source: ExchangedArray, out: ExchangedArray, reduction?: Reduction): void;
  /** Arrays have `ranks` equal parts; part `r` of `out` becomes what rank `r` has in the part with the number of this rank. */
  allToAll(source: ExchangedArray, out: ExchangedArray): void;
  /** `data` becomes that of rank `root`. */
  broadcast(data: ExchangedArray, root: number): void;
  /** Waits until all ranks are here. */
  barrier(): void;
  /** Ends the program on all ranks, and says why. */
  abort(message: string): never;
  /** Ends the communication; all ranks must call it. */
  close(): void;
}
