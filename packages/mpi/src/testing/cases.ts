/** What every communicator must do. Each rank runs all cases; expected values are computed from the definition, on each rank for itself. */
import type { Communicator, ExchangedArray, Reduction } from '@tessera/tensor/backend';
import { reductions } from '../combine.ts';

export interface Case {
  readonly name: string;
  /** Throws if a value is wrong. */
  run(communicator: Communicator): void;
}

const types = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u8: Uint8Array } as const;
type Type = keyof typeof types;

/** None, one, an odd number, and more than is gathered at once; not divisible by 2 or 3. */
const lengths = {
  f32: [0, 1, 1001, 10_007],
  f64: [0, 1, 1001, 10_007],
  i32: [0, 1, 1001, 10_007],
  u8: [0, 1, 1001, 40_009],
};

/** Arrays of the wasm backend's kind of memory: views of shared memory that start anywhere. */
class SharedMemory {
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: 4096, shared: true });
  #used = 8;

  array(type: Type, length: number): ExchangedArray {
    const bytes = length * types[type].BYTES_PER_ELEMENT;
    const missing = this.#used + bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    const array = new types[type](this.#memory.buffer, this.#used, length);
    this.#used = (Math.ceil((this.#used + bytes) / 8) | 1) * 8;
    return array;
  }
}

/** A number of rank `rank` that differs from those around it, with the whole range of exponents in which the order of a sum shows. */
function element(type: Type, rank: number, i: number): number {
  let h = Math.imul((rank + 1) * 0x9e3779b1 + i, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  if (type === 'i32') return h;
  if (type === 'u8') return h & 255;
  const value = (h / 2 ** 31) * 2 ** ((h & 15) - 8);
  return type === 'f32' ? Math.fround(value) : value;
}

const made = new Map<string, ExchangedArray>();

/** The numbers of a rank. They are made once. */
function numbersOf(type: Type, rank: number, length: number): ExchangedArray {
  const key = `${type} ${rank} ${length}`;
  const array = made.get(key) ?? new types[type](length);
  if (!made.has(key)) for (let i = 0; i < length; i++) array[i] = element(type, rank, i);
  made.set(key, array);
  return array;
}

function filled(memory: SharedMemory, type: Type, rank: number, length: number): ExchangedArray {
  const array = memory.array(type, length);
  array.set(numbersOf(type, rank, length));
  return array;
}

const pairwise = { sum: (a: number, b: number) => a + b, max: Math.max, min: Math.min } satisfies Record<
  Reduction,
  unknown
>;

/** The definition of a reduction of arrays: neighbors are combined until one is left. */
function reduced(reduction: Reduction, arrays: readonly ExchangedArray[]): ExchangedArray {
  const [first, second] = arrays;
  if (first === undefined || second === undefined) return first as ExchangedArray;
  const next: ExchangedArray[] = [];
  for (let k = 0; k + 1 < arrays.length; k += 2) {
    const [a, b] = [arrays[k] as ExchangedArray, arrays[k + 1] as ExchangedArray];
    const combine = pairwise[reduction];
    next.push(a.map((value, i) => combine(value, b[i] as number)));
  }
  return reduced(reduction, arrays.length % 2 === 0 ? next : [...next, arrays.at(-1) as ExchangedArray]);
}

function expectEqual(what: string, array: ExchangedArray, expected: (i: number) => number): void {
  for (let i = 0; i < array.length; i++) {
    const value = expected(i);
    if (!Object.is(array[i], value)) throw new Error(`${what}: element ${i} is ${array[i]} instead of ${value}`);
  }
}

const expectSame = (what: string, array: ExchangedArray, expected: ExchangedArray): void =>
  expectEqual(what, array, (i) => expected[i] as number);

const rankNumbers = ({ ranks }: Communicator): number[] => Array.from({ length: ranks }, (_, rank) => rank);

const forEachType = (run: (type: Type, length: number, memory: SharedMemory) => void): void => {
  for (const type of Object.keys(types) as Type[])
    for (const length of lengths[type]) run(type, length, new SharedMemory());
};

const allReduce: Case[] = [false, true].map((inPlace) => ({
  name: `all-reduce${inPlace ? ' in place' : ''}`,
  run: (communicator) =>
    forEachType((type, length, memory) => {
      for (const reduction of reductions) {
        const source = filled(memory, type, communicator.rank, length);
        const out = inPlace ? source : memory.array(type, length);
        communicator.allReduce(source, out, reduction);
        const all = rankNumbers(communicator).map((rank) => numbersOf(type, rank, length));
        expectSame(`${type} ${reduction}`, out, reduced(reduction, all));
        if (!inPlace) expectSame(`${type} source`, source, numbersOf(type, communicator.rank, length));
      }
    }),
}));

const moves: Case[] = [
  {
    name: 'reduce-scatter',
    run: (communicator) =>
      forEachType((type, length, memory) => {
        const { rank: own, ranks } = communicator;
        for (const reduction of reductions) {
          const source = filled(memory, type, own, length * ranks);
          const out = memory.array(type, length);
          communicator.reduceScatter(source, out, reduction);
          const part = (rank: number): ExchangedArray =>
            numbersOf(type, rank, length * ranks).subarray(own * length, (own + 1) * length);
          expectSame(`${type} ${reduction}`, out, reduced(reduction, rankNumbers(communicator).map(part)));
        }
      }),
  },
  {
    name: 'all-gather',
    run: (communicator) =>
      forEachType((type, length, memory) => {
        const out = memory.array(type, length * communicator.ranks);
        communicator.allGather(filled(memory, type, communicator.rank, length), out);
        for (const rank of rankNumbers(communicator))
          expectSame(type, out.subarray(rank * length, (rank + 1) * length), numbersOf(type, rank, length));
      }),
  },
  {
    name: 'all-to-all',
    run: (communicator) =>
      forEachType((type, length, memory) => {
        const { rank, ranks } = communicator;
        const out = memory.array(type, length * ranks);
        communicator.allToAll(filled(memory, type, rank, length * ranks), out);
        for (const other of rankNumbers(communicator))
          expectSame(
            type,
            out.subarray(other * length, (other + 1) * length),
            numbersOf(type, other, length * ranks).subarray(rank * length, (rank + 1) * length),
          );
      }),
  },
  {
    name: 'broadcast',
    run: (communicator) =>
      forEachType((type, length, memory) => {
        for (const root of rankNumbers(communicator)) {
          const data = filled(memory, type, communicator.rank, length);
          communicator.broadcast(data, root);
          expectSame(`${type} from ${root}`, data, numbersOf(type, root, length));
        }
      }),
  },
];

const edges: Case[] = [
  {
    name: 'NaN and the sign of zero in max and min',
    run: (communicator) => {
      const last = communicator.rank === communicator.ranks - 1;
      const source = Float32Array.of(last ? Number.NaN : 1, last ? -0 : 0, last ? 0 : -0);
      const out = new Float32Array(3);
      const alone = communicator.ranks === 1;
      communicator.allReduce(source, out, 'max');
      expectEqual('max', out, (i) => [Number.NaN, alone ? -0 : 0, 0][i] as number);
      communicator.allReduce(source, out, 'min');
      expectEqual('min', out, (i) => [Number.NaN, -0, alone ? 0 : -0][i] as number);
    },
  },
  {
    name: '64 MiB',
    run: (communicator) => {
      // Two ranks show it; more need memory and time.
      if (communicator.ranks !== 2) return;
      const length = 2 ** 24;
      const memory = new SharedMemory();
      const [source, out] = [memory.array('f32', length), memory.array('f32', length)];
      for (let i = 0; i < length; i++) source[i] = (i % 8191) + communicator.rank;
      communicator.allReduce(source, out);
      const { ranks } = communicator;
      for (let i = 0; i < length; i++)
        if (out[i] !== (i % 8191) * ranks + (ranks * (ranks - 1)) / 2) throw new Error(`element ${i} is ${out[i]}`);
    },
  },
  {
    name: 'a barrier holds back those who are early',
    run: (communicator) => {
      // Each rank in turn is the last to write its number; a rank that passed too early would miss it.
      const all = new Int32Array(communicator.ranks);
      for (const late of rankNumbers(communicator)) {
        if (communicator.rank === late) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        communicator.barrier();
        communicator.allGather(Int32Array.of(late), all);
        expectEqual('numbers', all, () => late);
      }
    },
  },
  {
    name: 'wrong arguments are refused before anybody waits',
    run: (communicator) => {
      const { ranks } = communicator;
      const f = (n: number): Float32Array => new Float32Array(n);
      const shared = f(8);
      const wrong: [() => void, RegExp][] = [
        [() => communicator.allReduce(f(2), f(3)), /allReduce: source has 2 elements, so out must have 2, got 3/],
        [() => communicator.allReduce(f(2), new Int32Array(2)), /source is f32 but out is i32/],
        [
          () => communicator.allReduce(f(2), f(2), 'mean' as Reduction),
          /unknown reduction "mean"; there are sum, max, min/,
        ],
        [() => communicator.allReduce(shared.subarray(0, 4), shared.subarray(1, 5)), /overlap in memory/],
        [
          () => communicator.allReduce(new Float16(2), new Float16(2)),
          /got Uint16Array\. Other elements can be moved as bytes/,
        ],
        [() => communicator.allGather(f(2), f(2 * ranks + 1)), /out must have \d+, got \d+/],
        [
          () => communicator.broadcast(f(2), ranks),
          new RegExp(`root must be a rank from 0 to ${ranks - 1}, got ${ranks}`),
        ],
      ];
      if (ranks > 1) {
        wrong.push([() => communicator.reduceScatter(f(ranks + 1), f(1)), /ranks cannot share equally/]);
        wrong.push([() => communicator.allToAll(f(ranks + 1), f(ranks + 1)), /ranks cannot share equally/]);
      }
      for (const [call, message] of wrong) {
        let text = 'nothing was thrown';
        try {
          call();
        } catch (error) {
          text = (error as Error).message;
        }
        if (!message.test(text)) throw new Error(`expected ${message}, got: ${text}`);
      }
      communicator.barrier();
    },
  },
];

/** Two-byte elements, which no rank reduces. */
const Float16 = Uint16Array as unknown as new (length: number) => ExchangedArray;

export const cases: readonly Case[] = [...allReduce, ...moves, ...edges];

/** With the library's own order of sums: equal on all ranks, and close to the exact sum. */
export function checkLibraryOrder(communicator: Communicator): void {
  const memory = new SharedMemory();
  const length = 40_009;
  const all = rankNumbers(communicator);
  const close = (what: string, value: number, i: number): void => {
    const values = all.map((rank) => element('f32', rank, i));
    const exact = values.reduce((a, b) => a + b, 0);
    const scale = values.reduce((a, b) => a + Math.abs(b), 0);
    if (Math.abs(value - exact) > scale * 2 ** -22)
      throw new Error(`${what}: element ${i} is ${value}, expected ${exact}`);
  };
  const { rank, ranks } = communicator;
  const out = memory.array('f32', length);
  communicator.allReduce(filled(memory, 'f32', rank, length), out);
  for (let i = 0; i < length; i++) close('all-reduce', out[i] as number, i);
  const inPlace = filled(memory, 'f32', rank, length);
  communicator.allReduce(inPlace, inPlace);
  for (let i = 0; i < length; i++) close('all-reduce in place', inPlace[i] as number, i);
  communicator.reduceScatter(filled(memory, 'f32', rank, length * ranks), out);
  for (let i = 0; i < length; i++) close('reduce-scatter', out[i] as number, rank * length + i);
}
