/** Running a sweep with a trainer that only pretends: order, promotions, failures, interruptions, changes of the file. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatCsv } from './csv.ts';
import { parseSweep } from './definition.ts';
import { planSweep, type SweepPlan } from './plan.ts';
import type { SweepResults } from './results.ts';
import { type RunEnd, runSweep, type SweepRequest, type TrainRun } from './run-sweep.ts';
import type { Work } from './standings.ts';

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'sweep-'));
});
afterEach(() => fs.rm(folder, { recursive: true }));

const planOf = (text: string): SweepPlan =>
  planSweep({ definition: parseSweep(text, 'a.yaml'), path: 'a.yaml', name: 'a', shared: null });

const grid = (sizes: readonly number[], more = ''): SweepPlan =>
  planOf(`{ method: grid, preset: tiny, parameters: { training.batchSize: [${sizes}] }, ${more} }`);

/** A trainer whose metric depends on batch size, seed and epochs, and the work that it was given. */
class Pretender {
  readonly given: string[] = [];
  mostAtOnce = 0;
  #running = 0;
  readonly #value: (size: number, seed: number, epochs: number) => number | null | Error;

  constructor(value: (size: number, seed: number, epochs: number) => number | null | Error) {
    this.#value = value;
  }

  readonly train: TrainRun = async ({ run, epochs }, { signal }): Promise<RunEnd> => {
    const { batchSize } = run.config.training;
    this.given.push(`${batchSize}/${run.seed} to ${epochs}`);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    await setImmediate();
    this.#running--;
    if (signal.aborted) return { kind: 'stopped' };
    const value = this.#value(batchSize, run.seed, epochs);
    if (value instanceof Error) return { kind: 'failed', message: value.message };
    const values = { imageToTextR1: value, loss: 1 };
    return {
      kind: 'reached',
      reached: { epochs, steps: 10 * epochs, seconds: epochs, evaluations: [{ split: 'test', values }] },
    };
  };
}

const run = (plan: SweepPlan, pretender: Pretender, more: Partial<SweepRequest> = {}): Promise<SweepResults> =>
  runSweep({ plan, name: 'a', folder, train: pretender.train, parallel: 1, ...more });

/** Rank by rank: batch size, epochs, mean, standard deviation. */
const standings = ({ configurations }: SweepResults) =>
  configurations.map(({ settings, epochs, mean, std }) => [settings['training.batchSize'], epochs, mean, std]);

describe('a grid', () => {
  it('is trained in order, several runs at a time, and ranked by the mean over the seeds', async () => {
    const pretender = new Pretender((size, seed) => (size === 4 ? 0.5 + seed / 10 : size / 10));
    const results = await run(grid([2, 4, 8], 'seeds: [0, 1, 2]'), pretender, { parallel: 2 });
    expect(pretender.given).toEqual([2, 4, 8].flatMap((size) => [0, 1, 2].map((seed) => `${size}/${seed} to 2`)));
    expect(pretender.mostAtOnce).toBe(2);
    expect(standings(results)).toEqual([
      [8, 2, expect.closeTo(0.8, 12), expect.closeTo(0, 12)],
      [4, 2, expect.closeTo(0.6, 12), expect.closeTo(0.1, 12)],
      [2, 2, expect.closeTo(0.2, 12), expect.closeTo(0, 12)],
    ]);
    expect(results.isComplete).toBe(true);
    expect(JSON.parse(await fs.readFile(join(folder, 'results.json'), 'utf8'))).toEqual(results);
    expect((await fs.readdir(folder)).toSorted()).toEqual(['report.html', 'results.csv', 'results.json', 'sweep.json']);
  });

  it('with the smallest value first, if that is the best', async () => {
    const results = await run(grid([2, 4, 8], 'mode: min'), new Pretender((size) => -size));
    expect(standings(results).map(([size]) => size)).toEqual([8, 4, 2]);
  });

  it('of different lengths is ranked by the metric alone', async () => {
    const plan = planOf('{ method: grid, preset: tiny, parameters: { training.epochs: [1, 2, 3] } }');
    const results = await run(plan, new Pretender((_, __, epochs) => (epochs === 2 ? 1 : 0)));
    expect(results.configurations.map(({ epochs }) => epochs)).toEqual([2, 1, 3]);
  });
});

it('successive halving promotes what scikit-learn promotes', async () => {
  const sizes = [18, 170, 107, 98, 177, 182, 5, 146];
  const plan = planOf(
    `{ method: successive-halving, preset: tiny, parameters: { training.batchSize: [${sizes}] }, configurations: 8, eta: 2, maxEpochs: 8, seed: 3 }`,
  );
  const pretender = new Pretender((size) => -((size - 13) ** 2));
  const results = await run(plan, pretender, { parallel: 3 });
  // HalvingRandomSearchCV of scikit-learn 1.9.1 with these candidates and this score, factor=2.
  const promotions = { 1: sizes, 2: [107, 98, 5, 18], 4: [5, 18], 8: [18] };
  for (const [epochs, expected] of Object.entries(promotions)) {
    const trained = pretender.given.filter((work) => work.endsWith(` to ${epochs}`));
    expect(trained.toSorted()).toEqual(expected.map((size) => `${size}/0 to ${epochs}`).toSorted());
  }
  expect(standings(results).map(([size, epochs]) => [size, epochs])).toEqual([
    ...[
      [18, 8],
      [5, 4],
      [98, 2],
      [107, 2],
      [146, 1],
      [170, 1],
      [177, 1],
      [182, 1],
    ],
  ]);
  expect(results.configurations.map(({ runs }) => runs[0]?.status)).toEqual(['finished', ...Array(7).fill('stopped')]);
});

describe('a run that fails', () => {
  const plan = (): SweepPlan => grid([2, 4, 8], 'seeds: [0, 1]');
  const failing = (): Pretender =>
    new Pretender((size, seed) => (size === 8 && seed === 1 ? new Error('loss is NaN') : size / 10));

  it('leaves the others alone; its configuration is ranked after those that can be compared', async () => {
    const pretender = failing();
    const results = await run(plan(), pretender);
    expect(pretender.given).toHaveLength(6);
    expect(standings(results).map(([size, , mean]) => [size, mean])).toEqual([
      [4, 0.4],
      [2, 0.2],
      [8, 0.8],
    ]);
    expect(results.configurations[2]?.runs[1]).toMatchObject({ status: 'failed', message: 'loss is NaN' });
    expect(await fs.readFile(join(folder, 'report.html'), 'utf8')).toContain('loss is NaN');
  });

  it('is not tried again, unless that is asked for', async () => {
    await run(plan(), failing());
    const pretender = new Pretender((size) => size / 10);
    await run(plan(), pretender);
    expect(pretender.given).toEqual([]);
    const results = await run(plan(), pretender, { retryFailed: true });
    expect(pretender.given).toEqual(['8/1 to 2']);
    expect(standings(results)[0]).toEqual([8, 2, 0.8, 0]);
  });

  it('is not promoted', async () => {
    const halving = planOf(
      '{ method: successive-halving, preset: tiny, parameters: { training.batchSize: [2, 4, 8, 16] }, configurations: 4, eta: 2, maxEpochs: 2 }',
    );
    const pretender = new Pretender((size) => (size === 16 ? new Error('out of memory') : size));
    await run(halving, pretender);
    expect(pretender.given.slice(4).toSorted()).toEqual(['4/0 to 2', '8/0 to 2']);
  });

  it('also where the metric has no value, but is ranked last then', async () => {
    const results = await run(grid([2, 4, 8]), new Pretender((size) => (size === 2 ? null : size)));
    expect(standings(results).at(-1)).toEqual([2, 0, null, null]);
    expect(results.isComplete).toBe(true);
  });
});

describe('a sweep that is interrupted', () => {
  const plan = (): SweepPlan =>
    planOf(
      '{ method: successive-halving, preset: tiny, parameters: { training.batchSize: [2, 4, 8, 16] }, configurations: 4, eta: 2, maxEpochs: 4, seeds: [0, 1] }',
    );
  const value = (size: number, seed: number, epochs: number): number => ((size * 7) % 11) + seed + epochs;

  it('continues with what it had not finished, to the same results', async () => {
    const whole = await run(plan(), new Pretender(value));
    await fs.rm(folder, { recursive: true });
    const given: string[] = [];
    // Stopped after every result.
    for (let starts = 0; ; starts++) {
      expect(starts).toBeLessThan(20);
      const controller = new AbortController();
      const pretender = new Pretender(value);
      const listener = { onEnd: (_: Work) => controller.abort() };
      const results = await run(plan(), pretender, { parallel: 2, signal: controller.signal, listener });
      given.push(...pretender.given);
      if (!results.isComplete) continue;
      expect(results).toEqual(whole);
      break;
    }
    // 4 configurations to 1 epoch, 2 to 2, 1 to 4, each with 2 seeds.
    expect(new Set(given).size).toBe(14);
  });

  it('belongs to one process at a time', async () => {
    // The second sweep starts while the first one trains, and the first one waits until the second has ended.
    const pretender = new Pretender(value);
    let second: Promise<SweepResults> | undefined;
    await run(plan(), pretender, {
      train: async (...work) => {
        second ??= run(plan(), new Pretender(value));
        await second.catch(() => {});
        return await pretender.train(...work);
      },
    });
    await expect(second).rejects.toThrow('is in use by process');
  });
});

describe('a file that has changed', () => {
  it('is refused with the differences, or trained where it is different', async () => {
    await run(grid([2, 4], 'parallel: 2'), new Pretender((size) => size));
    const changed = grid([4, 8], 'seeds: [0], settings: { optimizer.lr: 0.5 }');
    await expect(run(changed, new Pretender(() => 0))).rejects.toThrow(
      new RegExp(
        [
          "the sweep's file has changed since the sweep began",
          'parameters.training.batchSize was \\[2,4\\], is \\[4,8\\]',
          'seeds was not set, is \\[0\\]',
          'optimizer.lr was 0.002, is 0.5',
          'continue with the original file, .* --allow-changes: ',
        ].join('\\n *'),
      ),
    );
    const pretender = new Pretender((size) => size);
    const results = await run(grid([4, 8], 'folder: elsewhere'), pretender, { allowChanges: true });
    expect(pretender.given).toEqual(['8/0 to 2']);
    expect(standings(results).map(([size]) => size)).toEqual([8, 4]);
  });

  it('may have another metric, which needs no training', async () => {
    await run(grid([2, 4]), new Pretender((size) => size));
    const pretender = new Pretender(() => 0);
    const results = await run(grid([2, 4], 'metric: loss, mode: min'), pretender, { allowChanges: true });
    expect(pretender.given).toEqual([]);
    expect(results.configurations[0]?.mean).toBe(1);
  });
});

it('a metric that the runs do not have ends the sweep at its first result, which is kept', async () => {
  const pretender = new Pretender((size) => size);
  const plan = grid([2, 4, 8, 16], 'metric: top1, mode: max');
  const message = 'metric is top1, which the evaluation of test does not have; it has imageToTextR1, loss';
  await expect(run(plan, pretender)).rejects.toThrow(message);
  expect(pretender.given).toHaveLength(1);
  await run(grid([2, 4, 8, 16]), pretender, { allowChanges: true });
  expect(pretender.given).toHaveLength(4);
});

it('does not write into the folder of a single run', async () => {
  await fs.writeFile(join(folder, 'config.yaml'), '');
  await expect(run(grid([2]), new Pretender(() => 0))).rejects.toThrow('contains a single run; choose another folder');
});

it('the table for spreadsheets has a line for each run, with quotes where CSV needs them', async () => {
  const plan = planOf(
    '{ method: grid, preset: tiny, parameters: { optimizer: [{ kind: sgd, lr: 0.5 }] }, seeds: [0, 1] }',
  );
  const results = await run(
    plan,
    new Pretender((_, seed) => (seed === 0 ? 0.25 : new Error('a "bad", long\nmessage'))),
  );
  expect(formatCsv(results)).toBe(
    [
      'rank,configuration,optimizer,seed,status,epochs,steps,imageToTextR1,mean,std,seconds,folder,message',
      `1,1,"{""kind"":""sgd"",""lr"":0.5}",0,finished,2,20,0.25,0.25,,2,${plan.configurations[0]?.runs[0]?.folder},`,
      `1,1,"{""kind"":""sgd"",""lr"":0.5}",1,failed,0,0,,0.25,,0,${plan.configurations[0]?.runs[1]?.folder},"a ""bad"", long\nmessage"`,
      '',
    ].join('\n'),
  );
});
