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
  it('that is interrupted and resumed logs what its files have, also after one logger has failed', async () => {
    const said: string[] = [];
    class Broken implements Logger {
      calls = 0;
      async log({ kind }: LogEvent): Promise<void> {
        this.calls++;
        if (kind === 'step') throw new Error('the disk is full');
      }
    }
    const [first, second, broken] = [new Recorder(), new Recorder(), new Broken()];
    const files = (): Logger[] => [new TensorBoardLogger(), new CSVLogger()];
    const listener = { say: (message: string) => said.push(message) };
    await trainTiny(root, { name: 'run', set, stopAfter: 4, loggers: [broken, first, ...files()], listener });
    expect(said.filter((message) => message.includes('the disk is full'))).toEqual([
      'the logger Broken failed at the event step of step 1, and logs nothing more of this run: the disk is full',
    ]);
    expect(broken.calls).toBe(first.events.findIndex(({ kind }) => kind === 'step') + 1);
    expect(first.outline).toEqual([
      ...['start 0', 'config 0', 'facts 0', 'step 1', 'training-batch 1', 'step 2', 'step 3', 'histograms 4', 'step 4'],
      'end 4',
    ]);
    expect(first.of('end')).toMatchObject([{ outcome: 'interrupted', results: [] }]);

    const { results } = await trainTiny(root, { name: 'run', set, resume: true, loggers: [second, ...files()] });
    expect(second.outline.filter((line) => !line.startsWith('training-batch'))).toEqual([
      ...['start 4', 'config 4', 'facts 4', 'step 4', 'histograms 4', 'evaluation 4', 'retrieval-test 4', 'step 5'],
      ...['step 6', 'step 7', 'histograms 8', 'step 8', 'evaluation 8', 'retrieval-test 8', 'end 8'],
    ]);
    expect(second.of('end')).toMatchObject([
      { outcome: 'finished', results: results?.map(({ split, values }) => ({ split, values })) },
    ]);
    expect(second.of('step')[0]).toEqual(first.of('step').at(-1));
    expect(second.of('histograms')[0]?.parameters).toEqual(first.of('histograms').at(-1)?.parameters);

    const folder = join(root, 'run');
    const lines = await readMetrics(join(folder, 'metrics.jsonl'));
    const logged = [...first.of('step').slice(0, 3), ...second.of('step')];
    expect(logged.map(({ scaling, measures, ...numbers }) => ({ ...numbers, ...measures }))).toEqual(
      lines.filter(({ kind }) => kind === 'step'),
    );
    expect(second.of('evaluation').map(({ time, ...rest }) => rest)).toEqual(
      lines.filter(({ kind }) => kind === 'evaluation'),
    );
    for (const { png, width, height } of second.of('picture')) {
      const bytes = Buffer.from(png);
      expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([width, height]);
    }
    expect(await fs.readdir(join(folder, 'tensorboard'))).toHaveLength(2);
    expect((await fs.readFile(join(folder, 'metrics.csv'), 'utf8')).split('\n')).toHaveLength(lines.length + 2);
  }, 60_000);

  it('that fails says so at its end', async () => {
    const recorder = new Recorder();
    const listener = {
      onStep: () => {
        throw new Error('no');
      },
    };
    await expect(trainTiny(root, { name: 'failed', loggers: [recorder], listener })).rejects.toThrow('onStep threw');
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
