/**
 * Damaged files: bits that are flipped, bytes that are replaced, removed or repeated, files that are cut. Each must be read or refused with an
 * error that names the file, in bounded time and memory. TESSERA_FUZZ is the number of damaged files for each kind (20,000 is a thorough test).
 */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CounterRandom, purpose } from './random.ts';
import type { FuzzInput, FuzzOutcome } from './testing/fuzz-worker.ts';

const count = Number(process.env.TESSERA_FUZZ ?? 60);
const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** A file that takes longer is refused too late. On a loaded machine everything takes longer. */
const timeLimit = 10_000;
const memoryLimit = 512 * 2 ** 20;

const files = fileURLToPath(new URL('../data-files', import.meta.url));
const filesIn = (folder: string, ending: string): FuzzInput[] =>
  readdirSync(path.join(files, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => ({ bytes: readFileSync(path.join(files, folder, name)), ending }));

/** The errors of JavaScript that a mistake of a reader ends in, where no check was before it. */
const ofMistakes = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'];

/** A damaged copy: one to eight changes. */
function damage(bytes: Uint8Array, random: CounterRandom): Uint8Array {
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

/** A thread that reads, and is replaced when it does not answer. */
class Reader {
  readonly #options: { readonly folder: string; readonly images: boolean };
  #worker: Worker | null = null;

  constructor(folder: string, images: boolean) {
    this.#options = { folder, images };
  }

  /** A text: why there is no outcome. */
  async read(input: FuzzInput): Promise<FuzzOutcome | string> {
    this.#worker ??= new Worker(new URL('./testing/fuzz-worker.ts', import.meta.url), {
      workerData: this.#options,
      execArgv: ['--conditions=tessera-source'],
    });
    const worker = this.#worker;
    const stop = new AbortController();
    const { signal } = stop;
    worker.postMessage(input);
    const outcome = await Promise.race<FuzzOutcome | string>([
      once(worker, 'message', { signal }).then(([value]) => value as FuzzOutcome),
      once(worker, 'exit', { signal }).then(() => 'the thread ended'),
      setTimeout(timeLimit, `no answer in ${timeLimit} ms`, { signal }),
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

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fuzz-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function pictures(): Promise<FuzzInput[]> {
  const plain = sharp({ create: { width: 24, height: 20, channels: 3, background: '#c04020' } });
  const formats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
  const encoded = await Promise.all(formats.map((format) => plain.clone().toFormat(format).toBuffer()));
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="3"/></svg>';
  const ppm = Buffer.concat([Buffer.from('P6 4 3 255\n'), Buffer.alloc(36, 7)]);
  const bmp = Buffer.alloc(54 + 36, 9);
  bmp.write('BM');
  for (const [at, value] of [
    [10, 54],
    [14, 40],
    [18, 3],
    [22, 4],
    [28, 24],
    [30, 0],
    [46, 0],
  ] as const)
    bmp.writeUInt16LE(value, at);
  for (const at of [12, 16, 20, 24, 26, 32, 48]) bmp.writeUInt16LE(at === 26 ? 1 : 0, at);
  return [...encoded, Buffer.from(svg), ppm, bmp].map((bytes) => ({ bytes, ending: '' }));
}

describe('damaged files are read or refused', () => {
  test.each([
    ['Arrow', () => [...filesIn('arrow', '.arrow'), ...filesIn('pictures', '.arrow')], false],
    ['Parquet', () => filesIn('pictures', '.parquet'), false],
    ['tar', () => filesIn('pictures', '.tar'), false],
    ['images', pictures, true],
  ] as const)('%s', { timeout: 0 }, async (kind, originals, images) => {
    const inputs = await originals();
    expect(inputs.length).toBeGreaterThan(0);
    const reader = new Reader(folder, images);
    const before = process.memoryUsage().rss;
    let refused = 0;
    for (let k = 0; k < count; k++) {
      const original = inputs[k % inputs.length] as FuzzInput;
      const random = new CounterRandom(seed, purpose.search, 0, k);
      const input = { ...original, bytes: damage(original.bytes, random) };
      const outcome = await reader.read(input);
      const where = `${kind}, file ${k} (TESSERA_SEED=${seed} TESSERA_FUZZ=${k + 1})`;
      expect(outcome, where).toBeTypeOf('object');
      const { error } = outcome as FuzzOutcome;
      if (error === null) continue;
      refused++;
      expect(ofMistakes, `${where}\n${error.stack}`).not.toContain(error.name);
      if (!images) expect(error.message, where).toContain('train');
    }
    await reader.close();
    expect(process.memoryUsage().rss - before).toBeLessThan(memoryLimit);
    if (count >= 50) expect(refused).toBeGreaterThan(0);
  });
});
