/** What each kind of communicator must be able to do: wait for the others, and move elements. All else is built on it. */
import type { ExchangedArray } from '@tessera/tensor/backend';

/** Moves elements between ranks. Arrays are not empty, do not overlap, and there are at least two ranks. */
export interface Transport {
  readonly name: string;
  readonly rank: number;
  readonly ranks: number;
  /**
   * Waits until every rank has made its next call. Throws CommunicationError if `call`, a description, is another one on some rank, or if
   * a rank does not arrive within the time limit.
   */
  arrive(call: string): void;
  /** `out` becomes the sources of all ranks in order. */
  gather(source: ExchangedArray, out: ExchangedArray): void;
  /** Part `r` of `source` goes to rank `r`; part `r` of `out` comes from rank `r`. */
  exchange(source: ExchangedArray, out: ExchangedArray): void;
  broadcast(data: ExchangedArray, root: number): void;
  /** Sums in an order of the transport's own, where that is faster for many ranks. */
  readonly sums?: {
    allReduce(source: ExchangedArray, out: ExchangedArray): void;
    reduceScatter(source: ExchangedArray, out: ExchangedArray): void;
  };
  abort(message: string): never;
  close(): void;
}

/** The default time limit of a collective in seconds: that of PyTorch's process groups. */
const defaultSeconds = 600;

/** The time limit of a collective in seconds: the option, the environment's, or 600. Throws RangeError if it is not positive. */
export function timeLimit(option: number | undefined, environment = process.env): number {
  const text = environment.TESSERA_COLLECTIVE_SECONDS;
  const seconds = option ?? (text === undefined ? defaultSeconds : Number(text));
  if (seconds > 0) return seconds;
  const name = option === undefined ? 'TESSERA_COLLECTIVE_SECONDS' : 'timeoutSeconds';
  throw new RangeError(`${name} must be a positive number of seconds, got ${option ?? JSON.stringify(text)}`);
}
