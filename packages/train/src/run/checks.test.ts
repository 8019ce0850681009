// Whether a run may continue within an epoch: only with the same rows in the same order.
import { createOrder } from '@tessera/data';
import { expect, it } from 'vitest';
import type { Checkpoint } from '../loop/checkpoint.ts';
import { checkSameData } from './checks.ts';

const rows = 100_000;
const data = { seed: 1, rows, batchSize: 10, batchesPerEpoch: 10_000 };
const at = (batch: number, own: Readonly<Record<string, number>>): Checkpoint =>
  ({ path: 'a.safetensors', state: { batch, data: { ...data, ...own } } }) as unknown as Checkpoint;

it('a checkpoint within an epoch continues only with the order that it has', () => {
  const inParts = createOrder(rows).facts;
  const whole = createOrder(rows, { direct: true }).facts;
  const small = createOrder(60_000, { direct: true }).facts;
  // Checkpoints of earlier versions have no entry, and the order of up to 65,536 rows that are shuffled as a whole.
  expect(() => checkSameData(at(3, {}), { ...data, ...small })).not.toThrow();
  expect(() => checkSameData(at(3, inParts), { ...data, ...inParts })).not.toThrow();
  expect(() => checkSameData(at(3, {}), { ...data, ...inParts })).toThrow(
    /data or the order of their rows have changed since\n {2}shuffleStreams was not set, is 32\n/,
  );
  expect(() => checkSameData(at(3, {}), { ...data, ...whole })).toThrow('feistel was not set, is 1');
  expect(() =>
    checkSameData(at(3, inParts), { ...data, ...createOrder(rows, { shuffle: { rows: 64_000 } }).facts }),
  ).toThrow('shuffleRows was 32768, is 64000');
  expect(() => checkSameData(at(3, inParts), { ...data, ...createOrder(rows, { resample: true }).facts })).toThrow(
    'resampled was not set, is 1',
  );
  // At the end of an epoch nothing depends on it.
  expect(() => checkSameData(at(0, {}), { ...data, ...inParts })).not.toThrow();
});
