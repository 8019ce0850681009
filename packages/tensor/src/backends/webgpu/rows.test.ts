import { beforeAll, describe, expect, it, test } from 'vitest';
import { tensor } from '../../functions.ts';
import { setDefaultBackend } from '../../kernel/backend.ts';
import type { Tensor } from '../../tensor.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { difference } from '../../testing/random-programs.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { chooseTeams } from './teams.ts';

registerReferenceBackends();

const computations = {
  sum: (x: Tensor, axis: number) => x.sum(axis),
  max: (x: Tensor, axis: number) => x.max(axis),
  softmax: (x: Tensor, axis: number) => x.softmax(axis),
  normalize: (x: Tensor, axis: number) => {
    const centered = x.sub(x.mean(axis, true));
    return centered.mul(centered.square().mean(axis, true).add(1e-5).rsqrt());
  },
  /** Several reductions in one pass. */
  moments: (x: Tensor, axis: number) => x.sum(axis).add(x.square().sum(axis)).sub(x.max(axis)).add(x.abs().max(axis)),
  integers: (x: Tensor, axis: number) => x.mul(100).to('i32').max(axis).add(x.mul(10).to('i32').sum(axis)),
} satisfies Record<string, (x: Tensor, axis: number) => Tensor>;

/** Short and long rows, contiguous and strided in memory; many rows and few. */
const shapes: readonly { shape: readonly number[]; axis: number }[] = [
  { shape: [3, 1503], axis: 1 },
  { shape: [1503, 3], axis: 0 },
  { shape: [1, 9001], axis: 1 },
  { shape: [2, 101, 37], axis: 1 },
  { shape: [700, 2], axis: 1 },
  { shape: [2, 700], axis: 0 },
  { shape: [33, 257], axis: 1 },
  { shape: [257, 33], axis: 0 },
];

async function compute(backend: string, name: keyof typeof computations, shape: readonly number[], axis: number) {
  setDefaultBackend(backend);
  const count = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: count }, (_, k) => Math.sin(1 + 2.3 * k + 0.7 * ((k * k) % 1009)));
  return computations[name](tensor(values, { shape }), axis).data();
}

describe.skipIf(webgpuMissing !== null)(`rows on webgpu ${webgpuMissing ?? ''}`, () => {
  beforeAll(() => {
    setDefaultBackend('webgpu');
  });

  for (const { shape, axis } of shapes)
    test(`reductions of [${shape.join(', ')}] along axis ${axis}, with the same bits at each run`, async () => {
      for (const name of Object.keys(computations) as (keyof typeof computations)[]) {
        const expected = await compute('reference-kernels', name, shape, axis);
        const actual = await compute('webgpu', name, shape, axis);
        expect(difference(actual, expected), name).toBeLessThan(2e-5);
        const again = await compute('webgpu', name, shape, axis);
        expect(Buffer.from(again.buffer).equals(Buffer.from(actual.buffer)), name).toBe(true);
      }
    });
});

it('teams are powers of 2 that fill a workgroup, and no larger than a row', () => {
  for (const rows of [1, 2, 3, 50, 1000, 1e6])
    for (const length of [1, 2, 5, 50, 768, 1e5])
      for (const alongRow of [true, false])
        for (const workgroupSize of [32, 64, 256]) {
          const teams = chooseTeams({ rows, length, alongRow, workgroupSize });
          expect(teams.size * teams.rows).toBe(workgroupSize);
          expect(Math.log2(teams.size) % 1).toBe(0);
          expect(teams.size).toBeLessThanOrEqual(length);
          expect(teams.size).toBeGreaterThanOrEqual(1);
        }
});
