/** Ranks that are threads of one process: elements go through shared memory, a slot of each rank at a time. */
import type { Communicator, ExchangedArray } from '@tessera/tensor/backend';
import { type SumOrder, TransportCommunicator } from '../collectives.ts';
import { abortedBy, type CommunicationError, differentCalls, endedRanks, missingRanks } from '../errors.ts';
import type { Transport } from '../transport.ts';
import { abortGroup, arriveAt, headerOf, layoutOf, type ThreadGroup, textBytes, word } from './group.ts';

const bytesOf = (array: ExchangedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

class ThreadTransport implements Transport {
  readonly name = 'worker threads';
  readonly rank: number;
  readonly ranks: number;
  readonly #group: ThreadGroup;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #header: Int32Array;
  /** How many times this rank has arrived, and so which half of the texts and slots it uses. */
  #turn = 0;
  #call = '';

  constructor(group: ThreadGroup, rank: number) {
    this.rank = rank;
    this.ranks = group.ranks;
    this.#group = group;
    this.#layout = layoutOf(group.ranks, group.slotBytes);
    this.#header = headerOf(group);
  }

  arrive(call: string): void {
    this.#call = call;
    const text = this.#text(this.rank);
    text.fill(0);
    new TextEncoder().encodeInto(call, text);
    const read = Array.from({ length: this.ranks }, (_, rank) => this.#text(rank));
    this.#meet();
    if (read.some((other) => Buffer.compare(other, text) !== 0)) throw differentCalls(read.map(textOf));
  }

  gather(source: ExchangedArray, out: ExchangedArray): void {
    const [from, to] = [bytesOf(source), bytesOf(out)];
    this.#inSlots(from.length, this.#group.slotBytes, (start, end) => {
      this.#slot(this.rank).set(from.subarray(start, end));
      return (rank, slot) => to.set(slot.subarray(0, end - start), rank * from.length + start);
    });
  }

  exchange(source: ExchangedArray, out: ExchangedArray): void {
    const { ranks } = this;
    const [from, to] = [bytesOf(source), bytesOf(out)];
    const part = from.length / ranks;
    const share = Math.floor(this.#group.slotBytes / ranks);
    this.#inSlots(part, share, (start, end) => {
      const own = this.#slot(this.rank);
      for (let rank = 0; rank < ranks; rank++)
        own.set(from.subarray(rank * part + start, rank * part + end), rank * share);
      const mine = this.rank * share;
      return (rank, slot) => to.set(slot.subarray(mine, mine + end - start), rank * part + start);
    });
  }

  broadcast(data: ExchangedArray, root: number): void {
    const bytes = bytesOf(data);
    this.#inSlots(bytes.length, this.#group.slotBytes, (start, end) => {
      if (this.rank === root) this.#slot(root).set(bytes.subarray(start, end));
      return (rank, slot) => {
        if (rank === root && rank !== this.rank) bytes.set(slot.subarray(0, end - start), start);
      };
    });
  }

  abort(message: string): never {
    abortGroup(this.#group, this.rank, message);
    throw this.#reason() ?? abortedBy(this.rank, message);
  }

  close(): void {}

  /** Goes through `length` bytes in pieces: `write` fills the own slot, the ranks meet, and what it returned reads the slots of all. */
  #inSlots(
    length: number,
    piece: number,
    write: (start: number, end: number) => (rank: number, slot: Uint8Array) => void,
  ): void {
    for (let start = 0; start < length; start += piece) {
      const read = write(start, Math.min(length, start + piece));
      const slots = Array.from({ length: this.ranks }, (_, rank) => this.#slot(rank));
      this.#meet();
      for (const [rank, slot] of slots.entries()) read(rank, slot);
    }
  }

  /** Waits until all ranks are here. What was written before is then seen by all; what is written next goes into the other half. */
  #meet(): void {
    const turn = ++this.#turn;
    arriveAt(this.#header, this.rank, turn);
    const until = performance.now() + this.#group.seconds * 1000;
    for (;;) {
      const bell = Atomics.load(this.#header, word.bell);
      const reason = this.#reason();
      if (reason !== null) throw reason;
      const missing = this.#missing(turn);
      if (missing.length === 0) return;
      const ended = missing.filter((rank) => Atomics.load(this.#header, word.arrivals + this.ranks + rank) !== 0);
      if (ended.length > 0) throw endedRanks(this.#call, ended);
      const left = until - performance.now();
      if (left <= 0) throw missingRanks(this.#call, missing, this.#group.seconds);
      Atomics.wait(this.#header, word.bell, bell, left);
    }
  }

  #missing(turn: number): number[] {
    const missing: number[] = [];
    for (let rank = 0; rank < this.ranks; rank++)
      // The difference, because the counts wrap around.
      if (((Atomics.load(this.#header, word.arrivals + rank) - turn) | 0) < 0) missing.push(rank);
    return missing;
  }

  /** Why the group has failed, or null. */
  #reason(): CommunicationError | null {
    const by = Atomics.load(this.#header, word.aborted);
    if (by <= 0) return null;
    const bytes = Atomics.load(this.#header, word.abortBytes);
    return abortedBy(by - 1, textOf(new Uint8Array(this.#group.memory, this.#layout.abortText, bytes)));
  }

  #text(rank: number): Uint8Array {
    return new Uint8Array(this.#group.memory, this.#layout.text(this.#turn, rank), textBytes);
  }

  #slot(rank: number): Uint8Array {
    return new Uint8Array(this.#group.memory, this.#layout.slot(this.#turn, rank), this.#group.slotBytes);
  }
}

/** Text without the zeros that fill it up. A decoder does not read shared memory. */
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.slice()).replace(/\0+$/, '');

/**
 * Joins a group as its rank `rank`, once for each rank, each in a thread of its own. The thread blocks while it waits for others, so in a
 * browser it must be a worker. Throws RangeError if there is no such rank.
 */
export function joinThreads(group: ThreadGroup, rank: number, order?: SumOrder): Communicator {
  if (!Number.isInteger(rank) || rank < 0 || rank >= group.ranks)
    throw new RangeError(`A group of ${group.ranks} ranks has no rank ${rank}`);
  return new TransportCommunicator(new ThreadTransport(group, rank), order);
}
