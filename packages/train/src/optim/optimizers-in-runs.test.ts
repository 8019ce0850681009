/** Every optimizer that a configuration can choose, in a whole run. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMetrics } from '../loop/metrics-file.ts';
import { useTestBackend } from '../testing/backend.ts';
import { trainTiny } from '../testing/train-tiny.ts';
import { optimizers } from './choices.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'optimizers-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

/** Rates at which the small model learns. */
const rates: Readonly<Record<string, number>> = { adadelta: 10, lars: 20, lion: 2e-3, sgd: 0.1 };

it.each(optimizers.map(({ kind }) => kind))('%s trains, and continues with the same bits', async (kind) => {
  const set = [`optimizer={kind: ${kind}, weightDecay: 0.01, lr: ${rates[kind] ?? 1e-2}}`, 'training.clipGradNorm=1'];
  await trainTiny(root, { name: kind, set });
  await trainTiny(root, { name: `${kind}-parts`, set, stopAfter: 3 });
  await trainTiny(root, { name: `${kind}-parts`, set, resume: true });
  const [whole, parts] = await Promise.all(
    [kind, `${kind}-parts`].map((name) => fs.readFile(join(root, name, 'model.safetensors'))),
  );
  expect(parts).toEqual(whole);
  const records = await readMetrics(join(root, kind, 'metrics.jsonl'));
  const losses = records.flatMap((record) => (record.kind === 'step' ? [Number(record.loss)] : []));
  expect(Math.min(...losses.slice(-2))).toBeLessThan(losses[0] as number);
});
