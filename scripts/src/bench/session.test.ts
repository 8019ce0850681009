// Timing of works: rates, ratios, disagreements, and libraries that fail.
import { disposeBackends, registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, UnsupportedWork } from './engine.ts';
import { bestOfEach, measureWork, peakOf, type Row, type Session } from './session.ts';
import { type TesseraEngine, tesseraEngine } from './tessera.ts';
import { type AttentionWork, type ConvWork, gemm, labelOf, operationsOf, type Work } from './work.ts';

let ours: TesseraEngine;

beforeAll(() => {
  registerReferenceBackends();
  ours = tesseraEngine(setDefaultBackend('reference-kernels'), '1.2.3');
});

afterAll(() => disposeBackends());

const conv: ConvWork = {
  kind: 'conv',
  pass: 'forward',
  images: 2,
  channels: 3,
  size: 6,
  filters: 4,
  window: 3,
  stride: 1,
  padding: 0,
};
const attention: AttentionWork = {
  kind: 'attention',
  pass: 'forward',
  batch: 2,
  heads: 2,
  length: 5,
  width: 4,
  causal: true,
};

describe('Tessera', () => {
  test.each<Work>([
    gemm(4, 5, 6),
    gemm(4, 5, 6, { batch: 3, transposeA: true, transposeB: true }),
    conv,
    { ...conv, pass: 'weight gradient' },
    attention,
    { ...attention, pass: 'forward and backward' },
  ])('$kind $pass: the plan has the number of operations of the definition', async (work) => {
    const prepared = await ours.prepare(work);
    expect(prepared.operations).toBe(operationsOf(work));
    await prepared.release();
  });

  test('a transposed operand is another layout of the same product', async () => {
    const plain = await ours.prepare(gemm(3, 3, 3));
    const transposed = await ours.prepare(gemm(3, 3, 3, { transposeA: true }));
    expect(plain.check).not.toEqual(transposed.check);
    expect(labelOf(gemm(2, 3, 4, { transposeA: true }))).toBe('[4, 2]ᵀ x [4, 3]');
  });
});

/** An engine with a fixed time, and with our check or another one. */
const fake = (library: string, threads: number, ms: number, check?: readonly number[]): Engine => ({
  library,
  version: '1',
  threads,
  variant: '',
  prepare: async (work) => ({
    check: check ?? (await ours.prepare(work)).check,
    measure: async (runs) => new Array<number>(runs).fill(ms),
    release: async () => undefined,
  }),
});

const session = (peers: readonly Engine[]): Session => ({
  ours,
  peers,
  race: { rounds: 2, turnMs: 1, warmUpMs: 1 },
  say: () => undefined,
});

describe('measuring a work', () => {
  test('computes rates and ratios, and finds agreement', async () => {
    const row = await measureWork(session([fake('Other', 1, 1e6), fake('Other', 2, 2e6)]), gemm(4, 5, 6));
    expect(row.operations).toBe(240);
    expect(row.ours).toMatchObject({ library: 'Tessera', version: '1.2.3', ratio: 1, disagreement: null });
    const [first] = row.peers;
    expect(first).toMatchObject({ library: 'Other', threads: 1, medianMs: 1e6, disagreement: null });
    expect(first?.ratio).toBeGreaterThan(100);
    expect(bestOfEach(row.peers)).toEqual([first]);
  });

  test('reports a library whose result differs', async () => {
    const row = await measureWork(session([fake('Other', 1, 1, [0, 0, 0, 0])]), gemm(4, 5, 6));
    expect(row.peers[0]?.disagreement).toMatch(/number 0 of the result is 0, ours is/);
  });

  test('reports an unsupported work once, and continues', async () => {
    const unable = (threads: number): Engine => ({
      ...fake('Other', threads, 1),
      prepare: async () => {
        throw new UnsupportedWork('no gradients');
      },
    });
    const row = await measureWork(session([unable(1), unable(2)]), gemm(2, 2, 2));
    expect(row.peers).toEqual([]);
    expect(row.unsupported).toEqual([{ library: 'Other', reason: 'no gradients' }]);
  });

  test('skips libraries that do not take part in a kind of work', async () => {
    const row = await measureWork(session([{ ...fake('BLAS', 1, 1), kinds: ['gemm'] }]), conv);
    expect([row.peers, row.unsupported]).toEqual([[], []]);
  });

  test('continues after a library fails, and reports the error', async () => {
    const broken = { ...fake('Other', 1, 1), prepare: () => Promise.reject(new Error('out of memory')) };
    const row = await measureWork(session([broken, fake('Third', 1, 1)]), gemm(2, 2, 2));
    expect(row.unsupported).toEqual([{ library: 'Other', reason: 'failed: out of memory' }]);
    expect(row.peers.map(({ library }) => library)).toEqual(['Third']);
  });
});

test('the peak is the highest rate of all libraries, at the fastest run', () => {
  const entry = { library: 'Tessera', version: '1', variant: '', threads: 2, medianMs: 4, minMs: 2, runs: 3 };
  const row = {
    label: 'product',
    operations: 8e6,
    ours: entry,
    peers: [{ ...entry, library: 'OpenBLAS', minMs: 1 }],
  } as unknown as Row;
  expect(peakOf([row])).toEqual({ gflops: 8, library: 'OpenBLAS', version: '1', threads: 2, label: 'product' });
  expect(peakOf([])).toBeNull();
});
