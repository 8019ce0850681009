/** A communicator for tests in one thread: all other ranks hold the same values as this one. */
import type { Communicator, ExchangedArray, Reduction } from '../kernel/communicator.ts';

export class MirrorCommunicator implements Communicator {
  readonly name = 'mirror';
  readonly rank: number;
  readonly ranks: number;
  /** What was called, with the number of elements. */
  readonly calls: string[] = [];

  constructor(ranks: number, rank = 0) {
    this.ranks = ranks;
    this.rank = rank;
  }

  #reduced(value: number, reduction: Reduction): number {
    return reduction === 'sum' ? value * this.ranks : value;
  }

  allReduce(source: ExchangedArray, out: ExchangedArray, reduction: Reduction = 'sum'): void {
    this.calls.push(`allReduce ${source.length}`);
    for (const [i, value] of source.entries()) out[i] = this.#reduced(value, reduction);
  }

  allGather(source: ExchangedArray, out: ExchangedArray): void {
    this.calls.push(`allGather ${source.length}`);
    for (let rank = 0; rank < this.ranks; rank++) out.set(source, rank * source.length);
  }

  reduceScatter(source: ExchangedArray, out: ExchangedArray, reduction: Reduction = 'sum'): void {
    this.calls.push(`reduceScatter ${source.length}`);
    for (let i = 0; i < out.length; i++)
      out[i] = this.#reduced(source[this.rank * out.length + i] as number, reduction);
  }

  allToAll(source: ExchangedArray, out: ExchangedArray): void {
    this.calls.push(`allToAll ${source.length}`);
    const part = source.length / this.ranks;
    const own = source.slice(this.rank * part, (this.rank + 1) * part);
    for (let rank = 0; rank < this.ranks; rank++) out.set(own, rank * part);
  }

  broadcast(): void {}

  barrier(): void {}

  abort(message: string): never {
    throw new Error(message);
  }

  close(): void {}
}
