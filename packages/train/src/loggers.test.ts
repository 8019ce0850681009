/** What a run tells its loggers: from the start to the end, after an interruption, and where one of them fails. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hyperparametersOf } from './loggers/hyperparameters.ts';
import { CSVLogger, TensorBoardLogger } from './loggers/index.ts';
import type { LogEvent, Logger } from './loop/logger.ts';
import { readMetrics } from './loop/metrics-file.ts';
import { trainTiny } from './testing/train-tiny.ts';

registerReferenceBackends();
setDefaultBackend('wasm');

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'loggers-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

/** Keeps the events. */
class Recorder implements Logger {
  readonly events: LogEvent[] = [];

  log(event: LogEvent): void {
    this.events.push(event);
  }

  of<Kind extends LogEvent['kind']>(kind: Kind): Extract<LogEvent, { kind: Kind }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<LogEvent, { kind: Kind }>[];
  }

  /** Kinds and steps. Pictures and texts by their names. */
  get outline(): string[] {
    return this.events.map(
      (event) => `${event.kind === 'picture' || event.kind === 'text' ? event.name : event.kind} ${event.step}`,
    );
  }
}

const set = ['evaluation.everyEpochs=1', 'training.histograms.everySteps=4', 'checkpoints.everySteps=2'];

describe('a run', () => {
  it('logs what its files have, and goes on after one logger has failed', async () => {
    const recorder = new Recorder();
    const said: string[] = [];
    class Broken implements Logger {
      calls = 0;
      async log({ kind }: LogEvent): Promise<void> {
        this.calls++;
        if (kind === 'step') throw new Error('the disk is full');
      }
    }
    const broken = new Broken();
    const { finished, results } = await trainTiny(root, {
      name: 'whole',
      set,
      loggers: [broken, recorder, new TensorBoardLogger(), new CSVLogger()],
      listener: { say: (message) => said.push(message) },
    });
    expect(finished).toBe(true);
    expect(said.filter((message) => message.includes('the disk is full'))).toEqual([
      'the logger Broken failed at the event step of step 1, and logs nothing more of this run: the disk is full',
    ]);
    expect(broken.calls).toBe(recorder.events.findIndex(({ kind }) => kind === 'step') + 1);
    expect(recorder.outline).toEqual([
      ...['start 0', 'config 0', 'facts 0', 'step 1', 'training-batch 1', 'step 2', 'step 3', 'histograms 4', 'step 4'],
      ...['evaluation 4', 'retrieval-test 4', 'step 5', 'step 6', 'step 7', 'histograms 8', 'step 8', 'evaluation 8'],
      ...['retrieval-test 8', 'end 8'],
    ]);
    const lines = await readMetrics(join(root, 'whole', 'metrics.jsonl'));
    const steps = lines.filter(({ kind }) => kind === 'step');
    for (const [k, { kind, step, scaling, measures, ...numbers }] of recorder.of('step').entries())
      expect({ kind, step, ...numbers, ...measures }).toEqual(steps[k]);
    expect(recorder.of('evaluation').map(({ time, ...rest }) => rest)).toEqual(
      lines.filter(({ kind }) => kind === 'evaluation'),
    );
    expect(recorder.of('end')).toMatchObject([
      { outcome: 'finished', results: results?.map(({ split, values }) => ({ split, values })) },
    ]);
    for (const { png, width, height } of recorder.of('picture')) {
      const bytes = Buffer.from(png);
      expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([width, height]);
    }
    expect(await fs.readdir(join(root, 'whole', 'tensorboard'))).toHaveLength(1);
    expect((await fs.readFile(join(root, 'whole', 'metrics.csv'), 'utf8')).split('\n')).toHaveLength(lines.length + 2);
  }, 60_000);

  it('that is interrupted and resumed logs the step of its checkpoint again', async () => {
    const first = new Recorder();
    await trainTiny(root, { name: 'parts', set, stopAfter: 4, loggers: [first] });
    expect(first.of('end')).toMatchObject([{ outcome: 'interrupted', step: 4, results: [] }]);
    const second = new Recorder();
    await trainTiny(root, { name: 'parts', set, resume: true, loggers: [second] });
    expect(second.outline.slice(0, 7)).toEqual([
      ...['start 4', 'config 4', 'facts 4', 'step 4', 'histograms 4', 'evaluation 4', 'retrieval-test 4'],
    ]);
    const { scaling, ...last } = first.of('step').at(-1) ?? { scaling: null };
    expect(second.of('step')[0]).toEqual({ ...last, scaling });
    expect(second.of('histograms')[0]?.parameters).toEqual(first.of('histograms').at(-1)?.parameters);
    expect(second.outline.at(-1)).toBe('end 8');
  }, 60_000);

  it('that fails says so at its end', async () => {
    const recorder = new Recorder();
    const listener = {
      onStep: () => {
        throw new Error('no');
      },
    };
    await expect(trainTiny(root, { name: 'failed', set, loggers: [recorder], listener })).rejects.toThrow(
      'onStep threw',
    );
    expect(recorder.of('end')).toMatchObject([{ outcome: 'failed', step: 1 }]);
  }, 60_000);
});

it('settings become a flat list', () => {
  expect(hyperparametersOf({ a: 1, b: { c: 'x', d: { e: true, f: null } }, g: [1, { h: 2 }] })).toEqual({
    a: 1,
    'b.c': 'x',
    'b.d.e': true,
    g: '[1,{"h":2}]',
  });
});
