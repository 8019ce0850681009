/** Sinusoidal and rotary positions against their formulas. */
import { gradcheck } from '@tessera/autograd';
import { arange, einsum, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at, distance, numbered } from '../testing/numbers.ts';
import {
  applyRotary,
  type RotaryPairing,
  rotaryAngles,
  rotaryAngles2d,
  sinusoidalPositions,
  sinusoidalPositions2d,
} from './positions.ts';

/** The places of a grid, row by row. */
const gridPlaces = (rows: number, columns: number): { rows: Tensor; columns: Tensor } => ({
  rows: tensor(Int32Array.from({ length: rows * columns }, (_, k) => Math.floor(k / columns))),
  columns: tensor(Int32Array.from({ length: rows * columns }, (_, k) => k % columns)),
});

describe.each(testedBackends)('positions on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('sinusoidal positions are the formula', async () => {
    const [length, width] = [5, 8];
    const values = await sinusoidalPositions(length, width).data();
    for (let p = 0; p < length; p++)
      for (let k = 0; k < width / 2; k++) {
        const angle = p / 10_000 ** ((2 * k) / width);
        expect(values[p * width + 2 * k]).toBeCloseTo(Math.sin(angle), 6);
        expect(values[p * width + 2 * k + 1]).toBeCloseTo(Math.cos(angle), 6);
      }
  });

  test('in a grid the first half encodes the column, the second the row', async () => {
    const [rows, columns, width] = [2, 3, 8];
    const grid = sinusoidalPositions2d(rows, columns, width);
    expect(grid.shape).toEqual([6, 8]);
    const line = sinusoidalPositions(3, 4, { layout: 'halves' });
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const place = grid.select(0, r * columns + c);
        expect(await place.slice(0, 0, 4).data()).toEqual(await line.select(0, c).data());
        expect(await place.slice(0, 4).data()).toEqual(await line.select(0, r).data());
      }
  });

  test.each<RotaryPairing>(['interleaved', 'halves'])(
    '%s: rotations are those of the complex plane',
    async (pairing) => {
      const [length, dim] = [3, 6];
      const x = await numbered([length, dim], 1).data();
      const turned = await applyRotary(numbered([length, dim], 1), rotaryAngles(arange(length), dim), pairing).data();
      for (let p = 0; p < length; p++)
        for (let k = 0; k < dim / 2; k++) {
          const [i, j] = pairing === 'interleaved' ? [2 * k, 2 * k + 1] : [k, k + dim / 2];
          const [a, b] = [at(x, p * dim + i), at(x, p * dim + j)];
          const angle = p / 10_000 ** ((2 * k) / dim);
          expect(turned[p * dim + i]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 5);
          expect(turned[p * dim + j]).toBeCloseTo(a * Math.sin(angle) + b * Math.cos(angle), 5);
        }
    },
  );

  test.each<RotaryPairing>(['interleaved', 'halves'])(
    '%s: scores depend on distances in the grid only',
    async (pairing) => {
      const dim = 8;
      const places = gridPlaces(4, 4);
      const moved = rotaryAngles2d(places.rows.add(5), places.columns.add(3), dim);
      const here = rotaryAngles2d(places.rows, places.columns, dim);
      const [q, k] = [numbered([16, dim], 1).mul(0.3), numbered([16, dim], 2).mul(0.3)];
      const scores = (angles: Tensor): Tensor =>
        einsum('ld,sd->ls', applyRotary(q, angles, pairing), applyRotary(k, angles, pairing));
      expect(distance(await scores(here).data(), await scores(moved).data())).toBeLessThan(1e-4);
      const plain = await einsum('ld,sd->ls', q, k).data();
      expect(distance(await scores(here).data(), plain)).toBeGreaterThan(0.1);
    },
  );

  test('half of the head turns with the row, half with the column', async () => {
    const [dim, ones] = [8, tensor(new Float32Array(8).fill(1)).reshape(1, 8)];
    const at = (row: number, column: number): Tensor =>
      applyRotary(ones, rotaryAngles2d(tensor([row]), tensor([column]), dim));
    const [still, moved] = [await at(0, 0).data(), await at(2, 0).data()];
    expect(moved.slice(4)).toEqual(still.slice(4));
    expect(distance(moved.slice(0, 4), still.slice(0, 4))).toBeGreaterThan(0.5);
    const across = await at(0, 2).data();
    expect(across.slice(0, 4)).toEqual(still.slice(0, 4));
    expect(distance(across.slice(4), still.slice(4))).toBeGreaterThan(0.5);
  });
});

describe('derivatives and refusals', () => {
  beforeAll(() => useBackend('reference'));

  test.each<RotaryPairing>(['interleaved', 'halves'])('derivative of applyRotary, %s', async (pairing) => {
    const angles = rotaryAngles2d(numbered([5], 1).cast('f64'), numbered([5], 2).cast('f64'), 8);
    await gradcheck((x) => applyRotary(x, angles, pairing), [numbered([2, 5, 8], 3).cast('f64')]);
  });

  test('widths that do not divide', () => {
    expect(() => sinusoidalPositions(4, 5)).toThrow(
      'sinusoidalPositions: the width must be a positive multiple of 2, got 5',
    );
    expect(() => sinusoidalPositions2d(4, 4, 6)).toThrow('the width must be a positive multiple of 4, got 6');
    expect(() => rotaryAngles2d(arange(3), arange(3), 6)).toThrow(
      'rotaryAngles2d: the width must be a positive multiple of 4',
    );
    expect(() => applyRotary(numbered([3, 8]), numbered([3, 3]))).toThrow('need angles [..., 4], got [3, 3]');
  });
});
