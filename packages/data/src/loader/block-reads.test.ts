// How often blocks of files are read in an epoch of a shuffle in streams, with what memory, and that nobody sees workers, processes and stops.
import { expect, test } from 'vitest';
import { feature } from '../arrow/features.ts';
import { Split } from '../dataset/split.ts';
import { DamagedRowsError, type OpenShard } from '../format/shard.ts';
import { createOrder, type Order, sequentialOrder } from '../order/index.ts';
import { describeReading, planReading } from './memory.ts';
import { type BatchRows, batchPlaces } from './places.ts';
import { Sampler, type SamplerSpec } from './sampler.ts';

const bytesPerRow = 1000;

/** A file of rows in blocks, whose column `label` is the number of the row. It counts how often each block is opened. */
function countedFile(rows: number, blockRows: number, damaged: readonly number[] = []) {
  const opens = new Map<number, number>();
  const shard: OpenShard = {
    url: 'counted',
    format: 'parquet',
    size: rows * bytesPerRow,
    tag: '',
    features: { label: feature.value('int32') },
    blocks: Array.from({ length: Math.ceil(rows / blockRows) }, (_, k) => {
      const own = Math.min(blockRows, rows - k * blockRows);
      return { rows: own, bytes: own * bytesPerRow };
    }),
    async block(k) {
      opens.set(k, (opens.get(k) ?? 0) + 1);
      if (damaged.includes(k)) throw new DamagedRowsError(`block ${k} is damaged`);
      return { held: blockRows * bytesPerRow, row: (row) => ({ label: k * blockRows + row }) };
    },
    close: () => undefined,
  };
  return { shard, opens };
}

interface Reading {
  readonly rows: number;
  readonly blockRows: number;
  readonly order: Order;
  readonly workers: number;
  readonly shard?: { readonly index: number; readonly count: number };
  readonly readAheadBytes?: number;
  readonly memory?: number;
  readonly damaged?: readonly number[];
  readonly from?: number;
}

const batchSize = 32;

/** Reads an epoch as the loader does, without threads. Returns the labels of each batch, by slot, and the number of times each block was opened. */
async function readEpoch(options: Reading): Promise<{ batches: number[][]; opens: number[] }> {
  const { rows, blockRows, order, workers, shard = { index: 0, count: 1 }, damaged = [], from = 0 } = options;
  const { readAheadBytes = 20 * blockRows * bytesPerRow, memory = 2 ** 40 } = options;
  const file = countedFile(rows, blockRows, damaged);
  const plan = planReading({
    split: new Split('train', '', [file.shard]),
    order,
    rows,
    readAheadBytes,
    workers,
    memory,
  });
  const split = (cacheBytes: number): Split => new Split('train', '', [file.shard], { cacheBytes });
  const places = batchPlaces({ split: split(0), order, rows: null, shard, workers });
  const samplers = Array.from({ length: workers }, () => {
    const own = split(plan.cacheBytes / workers);
    const spec: SamplerSpec = {
      place: own.place,
      rows: null,
      columns: { label: { kind: 'integer', names: [], column: 'label' } },
      imageSize: 1,
      seed: 1,
      augment: null,
      fit: 'center',
      badRows: 'replace',
      cacheBytes: 0,
      blockBytes: 0,
      readAheadBytes: plan.readAheadBytes / workers,
      replaceNear: order.locality !== null,
    };
    return new Sampler(spec, own, own);
  });
  const count = Math.floor(rows / shard.count);
  const ofWorker = (batch: BatchRows, worker: number): Uint32Array =>
    Uint32Array.from(batch.rows.keys()).filter((slot) => (batch.lanes[slot] as number) % workers === worker);
  const take = (values: Uint32Array, slots: Uint32Array): Uint32Array => slots.map((slot) => values[slot] as number);
  const batches: number[][] = [];
  let told = from;
  for (let first = from; first + batchSize <= count; first += batchSize) {
    const batch = places(0, first, first + batchSize);
    const labels: number[] = new Array(batchSize);
    await Promise.all(
      samplers.map(async (sampler, worker) => {
        const slots = ofWorker(batch, worker);
        const { slots: kept, columns } = await sampler.sample(
          { rows: take(batch.rows, slots), streams: take(batch.streams, slots), slots },
          0,
        );
        kept.forEach((slot, k) => {
          labels[slot] = (columns.label as Int32Array)[k] as number;
        });
      }),
    );
    batches.push(labels);
    const last = Math.min(count, first + batchSize + plan.readAheadRows);
    if (last <= told) continue;
    const ahead = places(0, Math.max(told, first + batchSize), last);
    samplers.forEach((sampler, worker) => {
      sampler.expect(take(ahead.rows, ofWorker(ahead, worker)), false);
    });
    told = last;
  }
  return { batches, opens: [...file.opens.values()] };
}

const rows = 20_000;
const shuffle = { rows: 1024, streams: 16, block: 512, full: null };
const order = createOrder(rows, { seed: 3, shuffle });
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

test.each([
  // Blocks of a file that are a quarter, an eighth and a sixteenth of the blocks that stay together.
  [128, 1, 1.35],
  [128, 2, 1.45],
  [64, 2, 1.25],
  [32, 2, 1.1],
])('blocks of %d rows are read about once by %d workers: less than %d times', async (blockRows, workers, most) => {
  const { opens } = await readEpoch({ rows, blockRows, order, workers });
  expect(opens.length).toBe(Math.ceil(rows / blockRows));
  expect(sum(opens) / opens.length).toBeLessThan(most);
  expect(Math.max(...opens)).toBeLessThanOrEqual(4);
});

test('rows in order, and a shuffle of all of them, read each block once for each worker at most', async () => {
  for (const [whole, workers, most] of [
    [sequentialOrder(2000), 1, 1],
    [sequentialOrder(2000), 2, 2],
    [createOrder(2000, { seed: 3 }), 1, 1],
    // There are enough blocks for each worker to have its own.
    [createOrder(2000, { seed: 3 }), 2, 1],
  ] as const) {
    const { opens } = await readEpoch({ rows: 2000, blockRows: 100, order: whole, workers });
    expect(Math.max(...opens)).toBeLessThanOrEqual(most);
  }
});

test('the same batches for any number of workers, processes, blocks of the file, memory and stops', async () => {
  const small = 4000;
  const own = createOrder(small, { seed: 3, shuffle });
  const base = { rows: small, blockRows: 64, order: own, workers: 1 };
  const { batches } = await readEpoch(base);
  expect(batches.length).toBe(125);
  expect(new Set(batches.flat()).size).toBe(4000);
  for (const changes of [{ workers: 2 }, { workers: 3 }, { blockRows: 100 }, { blockRows: 4000 }, { memory: 2 ** 20 }])
    expect((await readEpoch({ ...base, ...changes })).batches).toEqual(batches);
  for (const stop of [1, 40, 124])
    expect((await readEpoch({ ...base, from: stop * batchSize, workers: 2 })).batches).toEqual(batches.slice(stop));
  for (const count of [2, 4, 5]) {
    const parts = await Promise.all(
      Array.from({ length: count }, (_, index) => readEpoch({ ...base, workers: 2, shard: { index, count } })),
    );
    const positions = parts.map(({ batches: part }) => part.flat());
    const joined = Array.from(
      { length: (positions[0]?.length ?? 0) * count },
      (_, p) => positions[p % count]?.[Math.floor(p / count)],
    );
    expect(joined).toEqual(batches.flat().slice(0, joined.length));
    // Each process reads its own streams if their number is divisible.
    const opens = sum(parts.flatMap(({ opens: part }) => part)) / (small / 64);
    if (count !== 5) expect(opens).toBeLessThan(1.6);
  }
});

test('a damaged block is replaced by rows near it, so that no others are read for it', async () => {
  const { batches, opens } = await readEpoch({ rows, blockRows: 64, order, workers: 1, damaged: [5, 200] });
  const labels = batches.flat();
  expect(labels.some((label) => label >= 320 && label < 384)).toBe(false);
  const near = labels.filter((label) => label < 512).length;
  expect(near).toBeGreaterThan(490);
  expect(sum(opens) / opens.length).toBeLessThan(1.3);
});

test('the memory is known before anything is read, and what to set where there is too little', () => {
  const { shard } = countedFile(rows, 128);
  const split = new Split('train', '', [shard]);
  const plan = planReading({ split, order, rows, readAheadBytes: 2 ** 20, workers: 1, memory: 2 ** 30 });
  // 16 streams of windows of 64 rows, which end within a block of 128.
  expect(plan.workingSet).toBeCloseTo(((16 * (64 + rows / 157)) / rows) * rows * bytesPerRow, -2);
  expect(describeReading(plan, order)).toBe(
    'rows are mixed 1024 at a time, in 16 streams: 3 MiB of blocks in use, up to 1 MiB read ahead',
  );
  const small = planReading({ split, order, rows, readAheadBytes: 2 ** 20, workers: 1, memory: 2 ** 22 });
  expect(small.cacheBytes).toBe(2 ** 20);
  expect(describeReading(small, order)).toContain(
    "but only 1 MiB may be kept (a quarter of this machine's memory), so blocks are read several times; set a smaller data.shuffle.streams or data.shuffle.rows",
  );
  const whole = createOrder(rows, { seed: 3 });
  expect(planReading({ split, order: whole, rows, readAheadBytes: 0, workers: 1 }).workingSet).toBe(rows * bytesPerRow);
  // Files that are read row by row keep little.
  const saved = new Split('train', '', [shard], { saved: true });
  expect(describeReading(planReading({ split: saved, order, rows, readAheadBytes: 1, workers: 1 }), order)).toBeNull();
  const lazy = new Split('train', '', [{ ...shard, lazy: true }]);
  expect(planReading({ split: lazy, order, rows, readAheadBytes: 1, workers: 1 }).workingSet).toBeNull();
});
