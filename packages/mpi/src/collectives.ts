/** The collectives, on any transport: checks, the order of reductions, and what one rank alone does. */
import type { Communicator, ExchangedArray, Reduction } from '@tessera/tensor/backend';
import { checkArrays, checkParts, checkReduction, checkRoot, dtypeOf } from './checks.ts';
import { combineParts } from './combine.ts';
import { CommunicationError } from './errors.ts';
import type { Transport } from './transport.ts';

/**
 * In which order values are summed. `tree`: a balanced binary tree over the ranks, with the same bits on every kind of communicator.
 * `library`: whatever the library prefers; MPI does not promise that a repetition returns the same bits. `auto`: `tree` up to 64 ranks.
 */
export type SumOrder = 'auto' | 'tree' | 'library';

/** With more ranks than this, the latency of an exchange between all pairs counts for more than that of the library's own sum. */
const mostTreeRanks = 64;

/** All ranks' values together are gathered and reduced on every rank up to this size in bytes: that is one exchange instead of two. */
const gatheredBytes = 1 << 16;

type ArrayType = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => ExchangedArray;

/** Communication through `transport`. */
export class TransportCommunicator implements Communicator {
  readonly #transport: Transport;
  readonly #library: boolean;
  /** Where parts of other ranks arrive; grows as needed, and is kept. */
  #scratch = new ArrayBuffer(0);
  #failure: Error | null = null;
  #closed = false;

  constructor(transport: Transport, order: SumOrder = 'auto') {
    this.#transport = transport;
    this.#library = order === 'library' || (order === 'auto' && transport.ranks > mostTreeRanks);
  }

  get name(): string {
    return this.#transport.name;
  }

  get rank(): number {
    return this.#transport.rank;
  }

  get ranks(): number {
    return this.#transport.ranks;
  }

  allReduce(source: ExchangedArray, out: ExchangedArray, reduction: Reduction = 'sum'): void {
    checkReduction('allReduce', reduction);
    const dtype = checkArrays('allReduce', source, out, 1, true);
    this.#collective(`allReduce ${reduction} of ${dtype} [${source.length}]`, source, out, (transport) => {
      if (this.#library && reduction === 'sum' && transport.sums !== undefined) transport.sums.allReduce(source, out);
      else this.#allReduce(transport, source, out, reduction);
    });
  }

  allGather(source: ExchangedArray, out: ExchangedArray): void {
    const dtype = checkArrays('allGather', source, out, this.ranks);
    this.#collective(`allGather of ${dtype} [${source.length}]`, source, out, (transport) =>
      transport.gather(source, out),
    );
  }

  reduceScatter(source: ExchangedArray, out: ExchangedArray, reduction: Reduction = 'sum'): void {
    checkReduction('reduceScatter', reduction);
    checkParts('reduceScatter', source, this.ranks);
    const dtype = checkArrays('reduceScatter', source, out, 1 / this.ranks);
    this.#collective(`reduceScatter ${reduction} of ${dtype} [${source.length}]`, source, out, (transport) => {
      if (this.#library && reduction === 'sum' && transport.sums !== undefined)
        transport.sums.reduceScatter(source, out);
      else this.#reduceScatter(transport, source, out, reduction);
    });
  }

  allToAll(source: ExchangedArray, out: ExchangedArray): void {
    checkParts('allToAll', source, this.ranks);
    const dtype = checkArrays('allToAll', source, out, 1);
    this.#collective(`allToAll of ${dtype} [${source.length}]`, source, out, (transport) =>
      transport.exchange(source, out),
    );
  }

  broadcast(data: ExchangedArray, root: number): void {
    checkRoot('broadcast', root, this.ranks);
    const call = `broadcast from rank ${root} of ${dtypeOf('broadcast', data)} [${data.length}]`;
    this.#collective(call, data, data, (transport) => transport.broadcast(data, root));
  }

  barrier(): void {
    this.#arrive('barrier');
  }

  abort(message: string): never {
    return this.#transport.abort(message);
  }

  close(): void {
    if (this.#closed) return;
    this.#scratch = new ArrayBuffer(0);
    // Ending is a collective as well, in which nobody would wait for a rank that failed.
    if (this.#failure === null) {
      this.#arrive('close');
      this.#transport.close();
    }
    this.#closed = true;
  }

  /** Whether the ranks can still talk to each other. */
  get state(): 'open' | 'failed' | 'closed' {
    if (this.#failure !== null) return 'failed';
    return this.#closed ? 'closed' : 'open';
  }

  /** Waits for the others, then moves the elements, if there are any. */
  #collective(call: string, source: ExchangedArray, out: ExchangedArray, move: (transport: Transport) => void): void {
    this.#arrive(call);
    if (source.length === 0) return;
    if (this.ranks === 1) {
      if (source !== out) out.set(source);
      return;
    }
    this.#guard(() => move(this.#transport));
  }

  #arrive(call: string): void {
    if (this.#closed) throw new CommunicationError(`${call}: the communicator is closed`);
    if (this.ranks > 1) this.#guard(() => this.#transport.arrive(call));
  }

  /** After a failure the ranks do not agree any more on what comes next. */
  #guard(body: () => void): void {
    if (this.#failure !== null) throw this.#failure;
    try {
      body();
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
  }

  #allReduce(transport: Transport, source: ExchangedArray, out: ExchangedArray, reduction: Reduction): void {
    const { ranks } = transport;
    if (source.length < ranks || source.byteLength * ranks <= gatheredBytes) {
      const all = this.#parts(source, source.length * ranks);
      transport.gather(source, all);
      combineParts(all, ranks, out, reduction);
      return;
    }
    // Each rank reduces one part, and gathers those of the others. What cannot be shared equally, fewer elements than ranks, goes alone.
    const part = Math.floor(source.length / ranks);
    const even = part * ranks;
    const rest = source.subarray(even);
    const parts = this.#parts(source, even + part);
    const [all, own] = [parts.subarray(0, even), parts.subarray(even)];
    transport.exchange(source.subarray(0, even), all);
    combineParts(all, ranks, own, reduction);
    transport.gather(own, out.subarray(0, even));
    if (rest.length > 0) this.#allReduce(transport, rest, out.subarray(even), reduction);
  }

  #reduceScatter(transport: Transport, source: ExchangedArray, out: ExchangedArray, reduction: Reduction): void {
    const all = this.#parts(source, source.length);
    transport.exchange(source, all);
    combineParts(all, transport.ranks, out, reduction);
  }

  /** Scratch memory for `length` elements of the dtype of `like`. */
  #parts(like: ExchangedArray, length: number): ExchangedArray {
    const bytes = length * like.BYTES_PER_ELEMENT;
    if (this.#scratch.byteLength < bytes) this.#scratch = new ArrayBuffer(bytes);
    // Not by its constructor: Node's Buffer is a Uint8Array with another one.
    const type = [Float32Array, Float64Array, Int32Array, Uint8Array].find((t) => like instanceof t) as ArrayType;
    return new type(this.#scratch, 0, length);
  }
}
