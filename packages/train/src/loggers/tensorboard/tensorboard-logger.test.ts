/**
 * TensorBoard reads what the logger writes. `read-back.json` has the checksum of the files of a scripted run and what TensorBoard 2.21 read in
 * them; where Python has tensorboard, torch and Pillow, it is asked again. `TESSERA_PYTHON=PYTHON TESSERA_RECORD=1` records the file.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { histogramOf } from '../../loop/histograms.ts';
import type { LogEvent } from '../../loop/logger.ts';
import { TensorBoardLogger } from './tensorboard-logger.ts';

const script = fileURLToPath(new URL('../../../../../scripts/reference/event_files.py', import.meta.url));
const fixture = new URL('read-back.json', import.meta.url);
const python = process.env.TESSERA_PYTHON?.split(':')[0] || '/usr/bin/python3';

const hasTensorBoard = ((): boolean => {
  try {
    execFileSync(python, ['-c', 'import tensorboard, PIL'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** A PNG of one red pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
  'base64',
);

const started = (step: number, folder: string): LogEvent => ({
  kind: 'start',
  step,
  time: 1000 + step,
  name: 'scripted',
  folder,
  config: {
    seed: 0,
    name: 'scripted',
    data: { strict: false, sources: ['a', 2], limit: null },
    optimizer: { lr: 0.5 },
  },
  facts: { threads: 2 },
});

const stepped = (step: number, loss: number): LogEvent => ({
  ...{ kind: 'step', step, time: 1000 + step, epoch: step / 2, loss, lr: 0.5, gradNorm: 0, mfu: null },
  ...{ scaling: { lossScale: 1024, skippedSteps: 1 }, measures: { accuracy: 0.25 } },
  ...{ imagesPerSecond: 8, seconds: 0.5, memory: 2 ** 33 },
});

const evaluated = (step: number, top1: number): LogEvent => ({
  ...{ kind: 'evaluation', step, time: 1000 + step, epoch: step / 2, split: 'test', values: { top1, loss: null } },
});

const histograms = (step: number, ...values: number[]): LogEvent => ({
  ...{ kind: 'histograms', step, time: 1000 + step, epoch: step / 2 },
  parameters: { 'head.weight': { weight: histogramOf(values), gradient: histogramOf([Number.NaN]) } },
});

const drawn = (step: number): LogEvent => ({
  ...{ kind: 'picture', step, time: 1000 + step, name: 'examples-test', caption: 'ten "examples"', png },
  ...{ width: 1, height: 1, channels: 3 },
});

const wrote = (step: number): LogEvent => ({
  ...{ kind: 'text', step, time: 1000 + step, name: 'config', text: '```yaml\nname: grün\n```' },
});

/** A run that is killed after step 4, and continued after step 2. */
async function logRun(folder: string): Promise<void> {
  const log = (events: readonly LogEvent[]): void => {
    const logger = new TensorBoardLogger(folder);
    for (const event of events) logger.log(event);
  };
  log([
    ...[started(0, folder), wrote(0), stepped(1, 4), stepped(2, 3), histograms(2, 0, 1, 1), evaluated(2, 0.25)],
    ...[drawn(2), stepped(3, 2), stepped(4, Number.NaN), histograms(4, 0, 5)],
  ]);
  const [name] = await fs.readdir(folder);
  const path = join(folder, name as string);
  // A record that was being written when the process was killed.
  await fs.appendFile(path, (await fs.readFile(path)).subarray(0, 20));
  log([
    ...[started(2, folder), stepped(2, 3), histograms(2, 0, 1, 1), evaluated(2, 0.25), drawn(2), stepped(3, 1)],
    ...[stepped(4, 0.5), histograms(4, -1, 3), evaluated(4, 0.75)],
    { kind: 'end', step: 4, time: 1010, outcome: 'finished', results: [{ split: 'test', values: { top1: 0.75 } }] },
  ]);
}

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'tensorboard-'));
  await logRun(folder);
});
afterAll(() => fs.rm(folder, { recursive: true }));

/** The checksum of all files, in the order in which TensorBoard reads them. */
async function checksum(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await fs.readdir(folder)).sort()) hash.update(await fs.readFile(join(folder, name)));
  return hash.digest('hex');
}

interface ReadBack {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly images: Readonly<Record<string, readonly { readonly step: number }[]>>;
  readonly histograms: Readonly<Record<string, readonly { readonly step: number; readonly min: number }[]>>;
}

const recorded = async (): Promise<{ readonly sha256: string; readonly read: ReadBack }> =>
  JSON.parse(await fs.readFile(fixture, 'utf8'));

/** TensorBoard says on standard error that it drops what the older file has. */
const readFolder = (): unknown =>
  JSON.parse(execFileSync(python, [script, 'read', folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));

describe('the files of a run that was killed and continued', () => {
  it('are those that TensorBoard has read', async () => {
    if (process.env.TESSERA_RECORD !== undefined)
      await fs.writeFile(fixture, `${JSON.stringify({ sha256: await checksum(), read: readFolder() }, null, 1)}\n`);
    expect(await checksum()).toBe((await recorded()).sha256);
  });

  it('have each step once, with the values of the second part from step 2 on', async () => {
    const { scalars, images, histograms } = (await recorded()).read;
    expect(scalars['train/loss']).toEqual([
      [1, 4],
      [2, 3],
      [3, 1],
      [4, 0.5],
    ]);
    expect(scalars['test/top1']).toEqual([
      [2, 0.25],
      [4, 0.75],
    ]);
    expect(images['samples/examples-test']?.map(({ step }) => step)).toEqual([2]);
    expect(histograms['weights/head.weight']?.map(({ step, min }) => [step, min])).toEqual([
      [2, 0],
      [4, -1],
    ]);
  });

  it.skipIf(!hasTensorBoard)(
    'are read the same by the TensorBoard that is here (TESSERA_PYTHON)',
    async () => {
      expect(readFolder()).toEqual((await recorded()).read);
    },
    120_000,
  );
});

it('an event before the start is an error', () => {
  expect(() => new TensorBoardLogger(folder).log(stepped(1, 1))).toThrow('the event step came before the event start');
});
