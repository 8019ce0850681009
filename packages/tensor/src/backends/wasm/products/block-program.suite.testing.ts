/** The tests of block programs, which run under several settings of V8. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateArray, bytesOf, type TypedArray } from '../../../kernel/dtype.ts';
import { type ContractKernel, formatKernel } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { contiguousStrides, sizeOf } from '../../../kernel/shape.ts';
import { contiguousView, stridedView } from '../../../kernel/view.ts';
import { seed } from '../../../testing/seed.ts';
import { runKernel } from '../../interpret-kernels.ts';
import type { Features } from '../emit/features.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { difference } from '../loops/loop.suite.testing.ts';
import { LoopHarness, relaxedSimdSettings } from '../loops/loop.testing.ts';
import { blockScratchBytes, kernelFunction, type LoweredKernel, parametersOf } from '../loops/program.ts';
import { type RandomEpilogue, randomEpilogue, tapes } from '../loops/random-loops.testing.ts';
import { emitBlockProgram } from './block-program.ts';

interface Sizes {
  readonly batch: readonly number[];
  readonly m: readonly number[];
  readonly n: readonly number[];
}

function sizesOf({ kernel, batchAxes, rowAxes }: RandomEpilogue): Sizes {
  const { domain } = kernel;
  return {
    batch: domain.slice(0, batchAxes),
    m: domain.slice(batchAxes, batchAxes + rowAxes),
    n: domain.slice(batchAxes + rowAxes),
  };
}

/** A contraction for the oracle: the identity times the accumulators, with the epilogue. */
function asContraction(epilogue: RandomEpilogue): ContractKernel {
  const { kernel, dtype, dtypes } = epilogue;
  const { batch, m, n } = sizesOf(epilogue);
  const along = contiguousStrides(m);
  const identity = [...batch.map(() => 0), ...along.map((stride) => stride * sizeOf(m)), ...along];
  return {
    kind: 'contract',
    name: 'epilogue',
    dtype,
    batch,
    m,
    n,
    k: m,
    a: { buffer: dtypes.length, view: stridedView([...batch, ...m, ...m], identity) },
    b: { buffer: dtypes.length + 1, view: contiguousView([...batch, ...m, ...n]) },
    epilogue: kernel.program,
  };
}

/** A kernel that runs the epilogue block by block; buffer `dtypes.length` contains the accumulators. */
function lowerBlocks(module: ModuleBuilder, epilogue: RandomEpilogue, features: Features, cut: number): LoweredKernel {
  const { kernel, dtypes, dtype } = epilogue;
  const sizes = sizesOf(epilogue);
  const [batches, rows, columns] = [sizeOf(sizes.batch), sizeOf(sizes.m), sizeOf(sizes.n)];
  const block = module.function('block', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [args, scratch, batchIndex, rowStart, rowEnd, columnStart, columnEnd, tile] = block.params;
  const tileStride = columns * bytesOf(dtype);
  const { slow } = emitBlockProgram(
    block,
    { program: kernel.program, dtypes, ...sizes },
    { args, scratch, batchIndex, rowStart, rowEnd, columnStart, columnEnd, tile, tileStride },
    features,
  );
  const fn = kernelFunction(module, 'kernel');
  const kernelParameters = parametersOf(fn);
  const [rowCut, columnCut] = [1 + (cut % 5), cut % 3 === 0 ? 16 : 1 + (cut % 23)];
  for (let b = 0; b < batches; b++)
    for (let r = 0; r < rows; r += rowCut)
      for (let c = 0; c < columns; c += columnCut) {
        fn.get(kernelParameters.args)
          .get(kernelParameters.scratch)
          .i32(b)
          .i32(r)
          .i32(Math.min(rows, r + rowCut));
        fn.i32(c).i32(Math.min(columns, c + columnCut));
        fn.get(kernelParameters.args).mem('i32.load', 4 * dtypes.length);
        fn.i32((b * rows + r) * tileStride + c * bytesOf(dtype))
          .op('i32.add')
          .call(block);
      }
  return { function: fn, scratchBytes: blockScratchBytes, slow };
}

function check(epilogue: RandomEpilogue, features: Features, cut: number): void {
  const { contents, dtypes, dtype, kernel } = epilogue;
  const contraction = asContraction(epilogue);
  const sums = allocateArray(dtype, sizeOf(kernel.domain));
  for (const k of sums.keys()) sums[k] = ((k * 7) % 33) / 4 - 4;
  const rows = sizeOf(contraction.m);
  const identity = allocateArray(dtype, rows * rows);
  for (let r = 0; r < rows; r++) identity[r * rows + r] = 1;
  const expected: TypedArray[] = contents.map((content) => content.slice());
  runKernel(contraction, [...expected, identity, sums], dtypes);
  const lengths = [...contents.map(({ length }) => length), sums.length];
  const harness = new LoopHarness(
    (module) => lowerBlocks(module, epilogue, features, cut),
    [...dtypes, dtype],
    lengths,
    features,
  );
  harness.fill([...contents, sums]);
  harness.run(1);
  for (const [k, buffer] of expected.entries()) {
    const problem = difference(nth(dtypes, k), nth(harness.buffers, k), buffer);
    if (problem !== null) throw new Error(`cut ${cut}, buffer ${k}: ${problem}\n${formatKernel(contraction)}`);
  }
}

/** Declares the tests. */
export function blockProgramSuite(): void {
  describe('block programs', () => {
    it.each(relaxedSimdSettings)(
      `compute random epilogues block by block, relaxed SIMD %s (TESSERA_SEED=${seed})`,
      (relaxedSimd) => {
        fc.assert(
          fc.property(tapes, fc.nat({ max: 10_000 }), (numbers, cut) => {
            const epilogue = randomEpilogue(numbers);
            // The oracle multiplies by an identity matrix, which is slow for many rows.
            fc.pre(
              sizeOf(sizesOf(epilogue).m) ** 2 * sizeOf(sizesOf(epilogue).n) * sizeOf(sizesOf(epilogue).batch) < 60_000,
            );
            check(epilogue, { relaxedSimd, wideTiles: false }, cut);
          }),
          { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 300) },
        );
      },
    );

    it('reports code that is not vectorized', () => {
      const harness = new LoopHarness(
        (builder, dtypes, features) => {
          const fn = kernelFunction(builder, 'kernel');
          const { args, scratch } = parametersOf(fn);
          const { slow } = emitBlockProgram(
            fn,
            {
              program: {
                instructions: [{ op: 'accumulator', dtype: 'f32' }],
                stores: [{ value: 0, access: { buffer: 0, view: stridedView([4, 8], [16, 2]) }, oncePerRow: false }],
              },
              dtypes,
              batch: [],
              m: [4],
              n: [8],
            },
            {
              args,
              scratch,
              batchIndex: 0,
              rowStart: 0,
              rowEnd: 4,
              columnStart: 0,
              columnEnd: 8,
              tile: scratch,
              tileStride: 32,
            },
            features,
          );
          return { function: fn, scratchBytes: 256, slow };
        },
        ['f32'],
        [64],
        { relaxedSimd: true, wideTiles: false },
      );
      expect(harness.lowered.slow).toBe('writes b0 element by element: stride 2 along the vector axis');
    });
  });
}
