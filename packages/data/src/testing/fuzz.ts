/**
 * Damaged files for tests of readers: each has to be read or refused with an error that names it, in bounded time and memory. A file is read
 * in a thread, so that a reader without an end can be stopped.
 *
 * TESSERA_FUZZ is the number of damaged files of each kind (20,000 is a thorough test), TESSERA_SEED repeats a run.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { parentPort, Worker } from 'node:worker_threads';
import { CounterRandom, purpose } from '../random.ts';

/** What a thread is asked to read. */
export interface FuzzInput {
  readonly bytes: Uint8Array;
  /** The path to which the bytes belong. */
  readonly file: string;
  /** Which reader reads it, where a program has several. */
  readonly reader: string;
}

/** An intact file. */
export interface FuzzOriginal extends Pick<FuzzInput, 'bytes' | 'file'> {
  /** Another way to damage it than by its bytes, such as one that keeps checksums right; half of the files are damaged so. */
  readonly damage?: (random: CounterRandom) => Uint8Array;
}

/** What a thread answers. */
interface FuzzOutcome {
  /** Null: it was read. */
  readonly error: { readonly name: string; readonly message: string; readonly stack: string } | null;
  /** Milliseconds. */
  readonly took: number;
}

export const fuzzCount = Number(process.env.TESSERA_FUZZ ?? 60);
/** TESSERA_SEED, or another one in each run; to be printed where something is wrong. */
export const fuzzSeed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A file that takes longer is refused too late. On a loaded machine everything takes longer. */
const timeLimit = 10_000;
const memoryLimit = 512 * 2 ** 20;

/** The errors of JavaScript that a mistake of a reader ends in, where no check was before it. */
const ofMistakes = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError'];

/** A damaged copy: one to eight changes. */
export function damageBytes(bytes: Uint8Array, random: CounterRandom): Uint8Array {
  let copy = Uint8Array.from(bytes);
  for (let changes = 1 + random.below(8); changes > 0 && copy.length > 1; changes--) {
    // Headers and footers decide the most, so half of the changes are near an end.
    const near = Math.min(copy.length, 512);
    const at =
      [() => random.below(copy.length), () => random.below(near), () => copy.length - 1 - random.below(near)][
        random.below(3)
      ]?.() ?? 0;
    const kinds: (() => void)[] = [
      () => {
        copy[at] = (copy[at] as number) ^ (1 << random.below(8));
      },
      () => {
        copy[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)] as number;
      },
      () => {
        copy.fill(random.below(2) * 255, at, at + 1 + random.below(8));
      },
      () => {
        copy = copy.slice(0, at);
      },
      () => {
        const end = Math.min(copy.length, at + 1 + random.below(64));
        copy = Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(end)]);
      },
      () => {
        copy.copyWithin(at, random.below(copy.length), random.below(copy.length));
      },
    ];
    kinds[random.below(kinds.length)]?.();
  }
  return copy;
}

/** Values that a reader of JSON does not expect. */
const odd: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e308,
    -1e308,
    '',
    'x',
    '-1',
    '__proto__',
    '\ud800',
    '\u0000',
  ],
  ...[[], {}, [[]], [null], [-1], [1e300, 1e300], { a: 1 }, { type: 'Sequence' }, 'a'.repeat(3000)],
];

/** Replaces, removes, repeats or moves a value somewhere within a value of JSON. */
function changeJson(value: unknown, random: CounterRandom): unknown {
  const isList = Array.isArray(value);
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (keys.length === 0 || random.below(8) === 0) return odd[random.below(odd.length)];
  const copy = (isList ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  const key = keys[random.below(keys.length)] as string;
  const other = keys[random.below(keys.length)] as string;
  switch (random.below(8)) {
    case 0:
      if (isList) (copy as unknown as unknown[]).splice(Number(key), 1);
      else delete copy[key];
      return copy;
    case 1:
      return { ...copy, [key]: copy[other] };
    case 2:
      return isList
        ? [...value, copy[other]]
        : { ...copy, [`${key}${String(odd[random.below(odd.length)])}`]: copy[other] };
    default:
      copy[key] = changeJson(copy[key], random);
      return copy;
  }
}

/** A value of JSON with one to four changes. */
export function damageJson(value: unknown, random: CounterRandom): unknown {
  let changed = value;
  for (let changes = 1 + random.below(4); changes > 0; changes--) changed = changeJson(changed, random);
  return changed;
}

/** A file of JSON, which is damaged as text and as values. */
export function jsonOriginal(bytes: Uint8Array, file: string): FuzzOriginal {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return {
    bytes,
    file,
    damage: (random) => new TextEncoder().encode(JSON.stringify(damageJson(value, random)) ?? ''),
  };
}

const ready = 'ready';

/** A thread that has loaded its program, which takes long on a loaded machine. @throws where it cannot be loaded */
async function startThread(program: URL): Promise<Worker> {
  const worker = new Worker(program, { execArgv: ['--conditions=tessera-source'] });
  const [message] = await once(worker, 'message');
  if (message !== ready) throw new Error(`${program}: said ${String(message)} before it was asked`);
  return worker;
}

/** A thread that reads, and is replaced when it does not answer. It starts with the first file. */
export class FuzzThread {
  readonly #program: URL;
  #worker: Worker | null = null;

  /** @param program calls `answerWith` */
  constructor(program: URL) {
    this.#program = program;
  }

  /** A text: why there is no outcome. A file without an answer in time is read once more, because another program may have kept the processor. */
  async read(input: FuzzInput): Promise<FuzzOutcome | string> {
    const first = await this.#readOnce(input, timeLimit);
    return typeof first === 'string' ? this.#readOnce(input, 6 * timeLimit) : first;
  }

  async #readOnce(input: FuzzInput, limit: number): Promise<FuzzOutcome | string> {
    this.#worker ??= await startThread(this.#program);
    const worker = this.#worker;
    const stop = new AbortController();
    const { signal } = stop;
    worker.postMessage(input);
    const outcome = await Promise.race<FuzzOutcome | string>([
      once(worker, 'message', { signal }).then(([value]) => value as FuzzOutcome),
      once(worker, 'exit', { signal }).then(() => 'the thread ended'),
      setTimeout(limit, `no answer in ${limit} ms`, { signal }),
    ]).catch((error: Error) => `not caught: ${error.stack}`);
    stop.abort();
    if (typeof outcome === 'string') await this.close();
    return outcome;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }
}

export interface FuzzedKind {
  readonly kind: string;
  /** Intact files. */
  readonly originals: readonly FuzzOriginal[];
  readonly thread: FuzzThread;
  readonly reader: string;
  /** What each error has to contain: the name of the file. Null: nothing. */
  readonly names: string | null;
}

export interface FuzzResult {
  /** What is wrong with the reader, with the seed that repeats it. */
  readonly problems: readonly string[];
  readonly refused: number;
  /** Milliseconds of the file that took the longest. */
  readonly slowest: number;
}

/** Reads `fuzzCount` damaged files of a kind, up to the first problem. */
export async function readDamaged({ kind, originals, thread, reader, names }: FuzzedKind): Promise<FuzzResult> {
  const problems: string[] = [];
  let refused = 0;
  let slowest = 0;
  const before = process.memoryUsage().rss;
  for (let k = 0; k < fuzzCount && problems.length === 0; k++) {
    const original = originals[k % originals.length] as FuzzOriginal;
    const random = new CounterRandom(fuzzSeed, purpose.search, 0, k);
    const { bytes, file, damage: own } = original;
    const damaged = own !== undefined && random.below(2) === 0 ? own(random) : damageBytes(bytes, random);
    const outcome = await thread.read({ file, reader, bytes: damaged });
    const where = `${kind}, file ${k} (TESSERA_SEED=${fuzzSeed} TESSERA_FUZZ=${k + 1})`;
    if (typeof outcome === 'string') {
      problems.push(`${where}: ${outcome}`);
      continue;
    }
    slowest = Math.max(slowest, outcome.took);
    const { error } = outcome;
    if (error === null) continue;
    refused++;
    if (ofMistakes.includes(error.name)) problems.push(`${where}: a mistake of the reader\n${error.stack}`);
    else if (names !== null && !error.message.includes(names))
      problems.push(`${where}: the error does not name the file\n${error.stack}`);
  }
  const grown = process.memoryUsage().rss - before;
  if (grown > memoryLimit) problems.push(`${kind}: the process grew by ${grown} bytes (TESSERA_SEED=${fuzzSeed})`);
  if (fuzzCount >= 50 && refused === 0) problems.push(`${kind}: no damaged file was refused`);
  if (fuzzCount >= 1000) console.log(`${kind}: ${refused} of ${fuzzCount} refused, slowest ${Math.round(slowest)} ms`);
  return { problems, refused, slowest };
}

/** In the thread: reads each file that it is sent. */
export function answerWith(read: (input: FuzzInput) => Promise<void>): void {
  parentPort?.on('message', async (input: FuzzInput) => {
    const start = performance.now();
    let error: FuzzOutcome['error'] = null;
    try {
      await read(input);
    } catch (caught) {
      const { name = 'thrown value', message = String(caught), stack = '' } = caught as Error;
      error = { name, message, stack };
    }
    parentPort?.postMessage({ error, took: performance.now() - start } satisfies FuzzOutcome);
  });
  parentPort?.postMessage(ready);
}
