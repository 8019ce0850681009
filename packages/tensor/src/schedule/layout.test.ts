/** Layouts of products and copies. */
import { beforeAll, describe, expect, it } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { tensor } from '../functions.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { accessesOf } from '../kernel/kernel.ts';
import { sizeOf } from '../kernel/shape.ts';
import type { Tensor } from '../tensor.ts';
import { canonicalize } from './canonicalize.ts';
import { schedule } from './schedule.ts';

const stored = (shape: readonly number[]): Tensor => tensor(new Float32Array(sizeOf(shape)), { shape });

/** The strides of the loop kernels' reads along the axes of their domains. */
function strides(...values: Tensor[]): (readonly number[])[] {
  const { kernels } = schedule(canonicalize(values.map(({ node }) => node)));
  return kernels
    .filter(({ kind }) => kind === 'loop')
    .flatMap((kernel) => accessesOf(kernel).reads.map(({ view }) => view.strides));
}

describe('the layout of a product', () => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend('reference-kernels');
  });

  const product = (): Tensor =>
    stored([40, 8])
      .transpose(0, 1)
      .matmul(stored([40, 6]));

  it('is transposed if all kernels that walk it read it transposed', () => {
    const transposed = product().transpose(0, 1);
    const norm = transposed.square().sum();
    expect(strides(transposed.mul(norm).add(stored([6, 8])), stored([6, 8]).sub(transposed.mul(norm)))).toEqual(
      expect.arrayContaining([[8, 1]]),
    );
    expect(strides(transposed.mul(norm).add(stored([6, 8]))).filter(([outer]) => outer === 1)).toEqual([]);
  });

  it('is not if one of them does not', () => {
    const whole = product();
    const norm = whole.square().sum();
    expect(strides(whole.mul(norm), whole.transpose(0, 1).mul(norm))).toEqual(expect.arrayContaining([[6, 1]]));
  });
});

describe('a copy', () => {
  it('is stored in the same order as the value', () => {
    setDefaultBackend('reference-kernels');
    // Channels last, each pixel repeated to a square, and the squares joined: not a view.
    const channelsLast = stored([2, 4, 4, 3]).permute(0, 3, 1, 2).reshape([2, 3, 4, 1, 4, 1]);
    const grown = channelsLast.expand([2, 3, 4, 2, 4, 2]).reshape([2, 3, 8, 8]);
    const { kernels } = schedule(canonicalize([grown.matmul(stored([8, 5])).node]));
    const copy = kernels.find(({ name }) => name === 'copy');
    expect(copy && accessesOf(copy).writes[0]?.view.strides).toEqual([192, 1, 48, 24, 6, 3]);
  });
});
