import { afterAll, describe, expect, it } from 'vitest';
import type { DType } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { contiguous, contractKernel, type Sizes } from '../wasm/products/contract.testing.ts';
import type { DeviceCapabilities } from './capabilities.ts';
import { backendWithTile, expectedOf, runOn } from './contract.testing.ts';
import {
  alignedProblem,
  attentionProblem,
  buffersOf,
  convolutionProblem,
  type Problem,
  randomProblem,
} from './contract-problems.testing.ts';
import { openDevice } from './device.ts';
import { KernelContext } from './dispatch.ts';
import { gemmDispatches, tiledProduct } from './gemm.ts';
import { numberLines } from './pipelines.ts';
import { matrixTiles, scalarTiles, tileFits, tilesFor, workgroupBytesOf } from './tiles.ts';

/** Software adapters take seconds to compile a shader, and cache the result: so the problems are fixed unless TESSERA_SEED is set. */
const seed = Number(process.env.TESSERA_SEED ?? 7);
const runs = Number(process.env.TESSERA_TEST_RUNS ?? 6);

const product = ({ kernel, dtypes }: Problem, device: DeviceCapabilities) => {
  const buffers = buffersOf({ name: '', kernel, dtypes }, 1).map(({ dtype, values }) => ({
    dtype,
    length: values.length,
    inArena: false,
  }));
  const context = new KernelContext(device, buffers);
  return { context, product: tiledProduct(kernel, context) };
};

describe('the shaders of tiles, compiled for a device that computes nothing', async () => {
  const open = await openDevice({
    dawnOptions: ['backend=null', 'enable-dawn-features=allow_unsafe_apis'],
  });
  const { device, capabilities } = open;
  // The object must not be garbage collected before the tests end.
  afterAll(() => {
    open.source.gpu = null;
  });
  const largest = {
    ...capabilities,
    invocations: 1024,
    workgroupBytes: 1 << 17,
    subgroupSize: { min: 32, max: 32 },
  };
  const unit = { m: 16, n: 16, k: 16 };
  const sizes: Sizes = { batch: [2], m: [130], n: [64], k: [40] };
  const problem = (dtype: DType, transposed: boolean): Problem => {
    const shape = (rows: number, columns: number) =>
      transposed
        ? { ...contiguous([2, rows, columns]), strides: [rows * columns, 1, rows] }
        : contiguous([2, rows, columns]);
    return {
      name: '',
      kernel: contractKernel('f32', sizes, shape(130, 40), shape(40, 64)),
      dtypes: [dtype, dtype, 'f32'],
    };
  };
  const tiles = [...scalarTiles, ...matrixTiles(unit, 32)];
  for (const tile of tiles)
    it(tile.name, async () => {
      for (const dtype of tile.core === 'matrix' ? (['f16'] as const) : (['f32', 'f16', 'bf16'] as const))
        for (const transposed of [false, true])
          for (const splits of [1, 2]) {
            const { context, product: tiled } = product(problem(dtype, transposed), largest);
            if (tiled === null) throw new Error('no product for tiles');
            for (const { code } of gemmDispatches(tiled, { tile, splits }, context)) {
              device.pushErrorScope('validation');
              const module = device.createShaderModule({ code });
              const { messages } = await module.getCompilationInfo();
              await device.popErrorScope();
              const errors = messages.filter(({ type }) => type === 'error');
              expect(errors.map(({ lineNum, message }) => `${lineNum}: ${message}`).join('\n'), numberLines(code)).toBe(
                '',
              );
            }
          }
    });
});

describe('tiles', () => {
  it('have distinct names', () => {
    const units = [
      { m: 16, n: 16, k: 16 },
      { m: 16, n: 8, k: 16 },
      { m: 16, n: 8, k: 8 },
      { m: 8, n: 8, k: 8 },
    ];
    const names = [...scalarTiles, ...units.flatMap((unit) => matrixTiles(unit, 32))].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('stay within the limits of a device', () => {
    const small: DeviceCapabilities = {
      storageBuffers: 8,
      invocations: 256,
      workgroupBytes: 16384,
      workgroupsPerDimension: 65535,
      bufferBytes: 2 ** 28,
      bindingBytes: 2 ** 27,
      software: false,
      features: new Set(),
      subgroupSize: { min: 4, max: 128 },
      matrixUnits: [{ m: 16, n: 16, k: 16 }],
    };
    const tiles = tilesFor(small, true);
    expect(tiles.length).toBeGreaterThan(3);
    for (const tile of tiles) expect(workgroupBytesOf(tile)).toBeLessThanOrEqual(16384);
    // Matrix units need subgroups of one size.
    expect(tiles.some(({ core }) => core === 'matrix')).toBe(false);
    const large = { ...small, workgroupBytes: 49152, subgroupSize: { min: 32, max: 32 } };
    expect(tilesFor(large, true).some(({ core }) => core === 'matrix')).toBe(true);
    expect(tilesFor(large, false).some(({ core }) => core === 'matrix')).toBe(false);
    expect(tilesFor({ ...small, workgroupBytes: 0 }, true)).toEqual([]);
  });
});

describe.skipIf(webgpuMissing !== null)(`products in tiles, seed ${seed}`, async () => {
  if (webgpuMissing !== null) return;
  const open = await openDevice({});
  afterAll(() => {
    open.source.gpu = null;
  });
  const fitting = scalarTiles.filter((tile) => tileFits(tile, open.capabilities));

  async function check(problem: Problem, number: number): Promise<void> {
    const tile = nth(fitting, number % fitting.length);
    const splits = nth([1, 1, 2, 5], number % 4);
    const buffers = buffersOf(problem, seed + number);
    const backend = backendWithTile(open, { tile, splits });
    const actual = await runOn(backend, problem.kernel, buffers, 2);
    const expected = expectedOf(problem.kernel, buffers, 2);
    const tolerance = 2 ** -20 * Math.max(1, Math.sqrt(problem.kernel.k.reduce((size, n) => size * n, 1)));
    let worst = 0;
    for (const [i, value] of expected.entries()) {
      const found = nth(actual, i);
      const error = Number.isNaN(value) && Number.isNaN(found) ? 0 : Math.abs(found - value);
      if (!(error <= worst)) worst = error;
    }
    expect(worst, `tile ${tile.name}, ${splits} parts of the sum`).toBeLessThanOrEqual(tolerance);
  }

  const conv = { images: 2, channels: 8, size: 13, outputs: 20, kernel: 3, stride: 2, padding: 1 };
  const problems = [
    convolutionProblem({ ...conv, channelsLast: true }),
    convolutionProblem({ ...conv, channelsLast: false }),
    convolutionProblem({ ...conv, channels: 3, kernel: 4, stride: 4, padding: 0, size: 16, channelsLast: false }),
    attentionProblem(3, 50, 77, 16),
    alignedProblem('f32', [false, true]),
    alignedProblem('f16', [false, false]),
    alignedProblem('bf16', [true, true]),
    ...Array.from({ length: runs }, (_, k) => randomProblem(seed * 1000 + k, 400_000)),
  ];
  for (const [number, problem] of problems.entries()) it(problem.name, () => check(problem, number), 120_000);

  it('results do not vary from run to run, with sums in one part or in several', async () => {
    const problem = attentionProblem(1, 5, 7, 257);
    const buffers = buffersOf(problem, seed);
    for (const splits of [1, 3]) {
      const backend = backendWithTile(open, { tile: nth(fitting, fitting.length - 1), splits });
      const first = await runOn(backend, problem.kernel, buffers, 2);
      expect(await runOn(backend, problem.kernel, buffers, 2)).toEqual(first);
    }
  }, 120_000);
});
