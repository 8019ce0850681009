import { beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../functions.ts';
import * as graph from '../../graph/graph.ts';
import { setDefaultBackend } from '../../kernel/backend.ts';
import { nth } from '../../kernel/nth.ts';
import { Tensor } from '../../tensor.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { seed } from '../../testing/seed.ts';

/** Sums in f32, in the order of the positions. */
function expectedSums(values: Float32Array, index: Int32Array, rows: number, inner: number): Float32Array {
  const sums = new Float32Array(rows * inner);
  for (const [j, row] of index.entries()) {
    if (row < 0 || row >= rows) continue;
    for (let i = 0; i < inner; i++) sums[row * inner + i] = nth(sums, row * inner + i) + nth(values, j * inner + i);
  }
  return sums;
}

describe.skipIf(webgpuMissing !== null)(`scatterAdd on webgpu (TESSERA_SEED=${seed}) ${webgpuMissing ?? ''}`, () => {
  beforeAll(() => {
    setDefaultBackend('webgpu');
  });

  let state = seed | 1;
  const random = (): number => {
    state = Math.imul(state, 1664525) + 1013904223;
    return (state >>> 0) / 2 ** 32;
  };

  it.each([
    { count: 1, rows: 3, inner: 5 },
    { count: 32, rows: 7, inner: 4 },
    { count: 33, rows: 7, inner: 4 },
    { count: 256, rows: 1, inner: 3 },
    { count: 257, rows: 5000, inner: 8 },
    { count: 1500, rows: 11, inner: 65 },
  ])(
    'sums $count rows into $rows of $inner in the order of the indices, bit for bit',
    async ({ count, rows, inner }) => {
      const index = Int32Array.from({ length: count }, () => Math.floor(random() * (rows + 2)) - 1);
      const values = Float32Array.from({ length: count * inner }, () => random() * 2 - 1);
      const compute = () =>
        Tensor.fromNode(
          graph.scatterAdd(tensor(values, { shape: [count, inner] }).node, tensor(index).node, 0, rows),
        ).data();
      const wanted = [...expectedSums(values, index, rows, inner)];
      expect([...(await compute())]).toEqual(wanted);
      expect([...(await compute())]).toEqual(wanted);
    },
  );
});
