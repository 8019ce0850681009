/** The metrics of a run as CSV. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LogEvent } from '../../loop/logger.ts';
import { MetricsWriter } from '../../loop/metrics-file.ts';
import { CSVLogger, writeMetricsTable } from './csv-logger.ts';
import { csvLine } from './line.ts';

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'csv-'));
});
afterAll(() => fs.rm(folder, { recursive: true }));

const start = (): LogEvent => ({ kind: 'start', step: 0, time: 0, name: 'a', folder, config: {}, facts: {} });
const end: LogEvent = { kind: 'end', step: 2, time: 0, outcome: 'interrupted', results: [] };

it('quotes fields with commas, quotes and line breaks', () => {
  expect(csvLine(['a', 1.5, 'b, "c"', null, undefined, 'd\ne', [1, 2]])).toBe('a,1.5,"b, ""c""",,,"d\ne","[1,2]"\n');
});

it('has a line for each step and evaluated split, with a column for each number', async () => {
  const metrics = await MetricsWriter.open(join(folder, 'metrics.jsonl'));
  metrics.append({ kind: 'step', step: 1, epoch: 0.5, loss: 2, lr: 0.1 });
  metrics.append({ kind: 'step', step: 2, epoch: 1, loss: Number.NaN, lr: 0.1, mfu: null });
  metrics.append({ kind: 'evaluation', step: 2, epoch: 1, split: 'test, clean', values: { top1: 0.5, loss: 3 } });
  metrics.close();
  const logger = new CSVLogger();
  await logger.log(start());
  await logger.log(end);
  expect(await fs.readFile(join(folder, 'metrics.csv'), 'utf8')).toBe(
    [
      'kind,step,epoch,split,loss,lr,mfu,top1',
      'step,1,0.5,,2,0.1,,',
      'step,2,1,,,0.1,,',
      'evaluation,2,1,"test, clean",3,,,0.5',
      '',
    ].join('\n'),
  );
});

it('writes to another file on request, whose folder it creates at the start', async () => {
  const path = join(folder, 'tables', 'a.csv');
  const logger = new CSVLogger(path);
  await logger.log(start());
  expect(await fs.readdir(join(folder, 'tables'))).toEqual([]);
  await logger.log(end);
  expect(await fs.readFile(path, 'utf8')).toBe(await fs.readFile(join(folder, 'metrics.csv'), 'utf8'));
});

it('refuses the path of a folder at the start', async () => {
  await expect(new CSVLogger(folder).log(start())).rejects.toThrow(`${folder} is a folder: name a file in it`);
});

it('is written for a run that ended without it, and never over a folder', async () => {
  const run = join(folder, 'run');
  await fs.mkdir(join(run, 'taken.csv'), { recursive: true });
  await expect(writeMetricsTable(run)).rejects.toThrow('metrics.jsonl');
  await fs.writeFile(join(run, 'metrics.jsonl'), '{"kind":"step","step":1,"loss":2}\n');
  await expect(writeMetricsTable(run, join(run, 'taken.csv'))).rejects.toThrow('taken.csv is a folder');
  const path = await writeMetricsTable(run, join(run, 'new', 'table.csv'));
  expect(await fs.readFile(path, 'utf8')).toBe('kind,step,epoch,split,loss\nstep,1,,,2\n');
  expect((await fs.readdir(run)).sort()).toEqual(['metrics.jsonl', 'new', 'taken.csv']);
});
