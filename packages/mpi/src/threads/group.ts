/** The shared memory through which worker threads of one process exchange elements and wait for each other. */

/** A group of ranks; it can be sent to worker threads. */
export interface ThreadGroup {
  readonly ranks: number;
  /** Of a collective. */
  readonly seconds: number;
  readonly memory: SharedArrayBuffer;
  /** Bytes that a rank writes at a time for the others to read. */
  readonly slotBytes: number;
}

/** Words of the header. They are followed by two words for each rank: how many times it has arrived, and whether its thread has ended. */
export const word = {
  /** Changes whenever a rank arrives or fails; waiting ranks sleep on it. */
  bell: 0,
  /** 1 plus the rank that ended all, or 0. */
  aborted: 1,
  abortBytes: 2,
  arrivals: 3,
} as const;

/** The longest description of a call, and the longest reason of an abort, in bytes of UTF-8. */
export const textBytes = 256;
const abortTextBytes = 4096;

const alignment = 64;
const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Where the parts of a group's memory start. Texts and slots exist twice: a rank may write its next while others read the last. */
export function layoutOf(ranks: number, slotBytes: number) {
  const abortText = align((word.arrivals + 2 * ranks) * 4);
  const texts = align(abortText + abortTextBytes);
  const slots = align(texts + 2 * ranks * textBytes);
  return {
    abortText,
    abortTextBytes,
    text: (turn: number, rank: number) => texts + ((turn & 1) * ranks + rank) * textBytes,
    slot: (turn: number, rank: number) => slots + ((turn & 1) * ranks + rank) * slotBytes,
    bytes: slots + 2 * ranks * slotBytes,
  };
}

/** The default number of bytes that a rank writes at a time: all slots together fit a core's cache for a few ranks. */
const defaultSlotBytes = 1 << 18;

/** A new group of `ranks` threads. `slotBytes` is a multiple of 8. Throws RangeError for numbers that make no group. */
export function createThreadGroup(ranks: number, seconds: number, slotBytes = defaultSlotBytes): ThreadGroup {
  if (!Number.isInteger(ranks) || ranks < 1)
    throw new RangeError(`A group of threads has a positive number of ranks, got ${ranks}`);
  if (!Number.isInteger(slotBytes / 8) || slotBytes < 8)
    throw new RangeError(`slotBytes must be a positive multiple of 8, got ${slotBytes}`);
  return { ranks, seconds, slotBytes, memory: new SharedArrayBuffer(layoutOf(ranks, slotBytes).bytes) };
}

export const headerOf = ({ memory, ranks }: ThreadGroup): Int32Array =>
  new Int32Array(memory, 0, word.arrivals + 2 * ranks);

function ring(header: Int32Array): void {
  Atomics.add(header, word.bell, 1);
  Atomics.notify(header, word.bell);
}

/** Notes that a rank has arrived `turn` times. */
export function arriveAt(header: Int32Array, rank: number, turn: number): void {
  Atomics.store(header, word.arrivals + rank, turn);
  ring(header);
}

/** Notes that the thread of a rank has ended: nobody needs to wait for it. */
export function noteEnd(group: ThreadGroup, rank: number): void {
  const header = headerOf(group);
  Atomics.store(header, word.arrivals + group.ranks + rank, 1);
  ring(header);
}

/** Tells all ranks that the group has failed, and why. The first reason counts. */
export function abortGroup(group: ThreadGroup, rank: number, message: string): void {
  const { memory, ranks, slotBytes } = group;
  const header = headerOf(group);
  const { abortText, abortTextBytes: most } = layoutOf(ranks, slotBytes);
  // -1: the reason is being written.
  if (Atomics.compareExchange(header, word.aborted, 0, -1) !== 0) return;
  const text = new TextEncoder().encode(message).subarray(0, most);
  new Uint8Array(memory, abortText, most).set(text);
  Atomics.store(header, word.abortBytes, text.length);
  Atomics.store(header, word.aborted, rank + 1);
  ring(header);
}
