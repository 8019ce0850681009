/** Kinds of positions, and their interpolation. */
import { gradcheck } from '@tessera/autograd';
import { init } from '@tessera/nn';
import { concat, manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { interpolatePositions, type Positions, type PositionsOptions, positionKinds } from './positions.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(4);
});

const normal = (...shape: number[]): Tensor => init.normal()(shape);
const largest = async (a: Tensor, b: Tensor): Promise<number> => a.sub(b).abs().max().item();

describe('interpolatePositions', () => {
  test('14 x 14 to 28 x 28, class token aside', async () => {
    const positions = normal(1, 197, 8);
    const larger = interpolatePositions(positions, [14, 14], [28, 28], 1);
    expect(larger.shape).toEqual([1, 785, 8]);
    expect(await largest(larger.slice(1, 0, 1), positions.slice(1, 0, 1))).toBe(0);
  });

  test('a constant field stays constant, whatever the class token is', async () => {
    // Blending the class token into the places, as a version without a prefix does, shows here.
    const positions = concat([normal(1, 1, 3).add(10), tensor(new Float32Array(27).fill(1)).reshape(1, 9, 3)], 1);
    const places = interpolatePositions(positions, [3, 3], [5, 4], 1).slice(1, 1);
    expect(await places.sub(1).abs().max().item()).toBeLessThan(1e-5);
    // The mistaken version takes the root of all 10 tokens for the side of the grid, and does not even divide.
    const side = Math.floor(Math.sqrt(10));
    expect(() => interpolatePositions(positions, [side, side], [5, 4])).toThrow(
      'positions [1, 10, 3] are not [1, 0 + 3 * 3, width]',
    );
    // With as many tokens as a square has (15 patches and the class token), it would blend the class token in unseen.
    const odd = concat([normal(1, 1, 3).add(10), tensor(new Float32Array(45).fill(1)).reshape(1, 15, 3)], 1);
    const mistaken = interpolatePositions(odd, [4, 4], [5, 5]);
    expect(await mistaken.sub(1).abs().max().item()).toBeGreaterThan(1);
    expect(await interpolatePositions(odd, [3, 5], [5, 5], 1).slice(1, 1).sub(1).abs().max().item()).toBeLessThan(1e-5);
  });

  test('rectangular grids: rows stay rows', async () => {
    // Position = (row, column) in units of the grid: a linear field, which bilinear interpolation reproduces inside.
    const [rows, columns] = [4, 6];
    const field = Array.from({ length: rows * columns }, (_, k) => [Math.floor(k / columns), k % columns]);
    const resized = interpolatePositions(tensor(field).unsqueeze(0).cast('f32'), [rows, columns], [8, 12], 0, {
      mode: 'bilinear',
      antialias: false,
    });
    const values = (await resized.reshape(8, 12, 2).toArray()) as number[][][];
    for (let r = 1; r < 7; r++)
      for (let c = 1; c < 11; c++) expect(values[r]?.[c]).toEqual([(r + 0.5) / 2 - 0.5, (c + 0.5) / 2 - 0.5]);
  });

  test('for the same grid it returns the same tensor, and the derivative is right', async () => {
    const positions = normal(1, 7, 2).cast('f64');
    expect(interpolatePositions(positions, [2, 3], [2, 3], 1)).toBe(positions);
    for (const mode of ['bicubic', 'bilinear'] as const)
      for (const antialias of [true, false])
        await gradcheck((x) => interpolatePositions(x, [2, 3], [4, 2], 1, { mode, antialias }), [positions]);
  });
});

/** The trained vectors of rows and of columns. */
function tablesOf(positions: Positions): [row: Tensor, column: Tensor] {
  const state = positions.stateDict();
  const [row, column] = [state.get('row_embed'), state.get('col_embed')];
  if (row === undefined || column === undefined) throw new Error('no row_embed or no col_embed');
  return [row, column];
}

describe('positions in two dimensions', () => {
  const options: PositionsOptions = { width: 6, grid: [2, 3], prefix: 1, headWidth: 6, interpolation: {} };

  test('summed: PE(i, j) = row(i) + column(j)', async () => {
    const positions = positionKinds['2d-sum'](options);
    const [row, column] = tablesOf(positions);
    expect([row.shape, column.shape]).toEqual([
      [2, 6],
      [3, 6],
    ]);
    const added = positions.added([2, 3], 'f32') as Tensor;
    for (const [i, j] of [
      [0, 0],
      [1, 2],
    ] as const)
      expect(await largest(added.select(1, 1 + 3 * i + j), row.select(0, i).add(column.select(0, j)))).toBe(0);
    expect(await added.select(1, 0).abs().max().item()).toBe(0);
  });

  test('concatenated: one half is the row, the other the column', async () => {
    const positions = positionKinds['2d-concat'](options);
    const [row, column] = tablesOf(positions);
    expect([row.shape, column.shape]).toEqual([
      [2, 3],
      [3, 3],
    ]);
    const place = (positions.added([2, 3], 'f32') as Tensor).select(1, 1 + 3 * 1 + 2);
    expect(await largest(place, concat([row.select(0, 1), column.select(0, 2)]).unsqueeze(0))).toBe(0);
    expect(() => positionKinds['2d-concat']({ ...options, width: 5 })).toThrow('need an even width, got 5');
  });

  test('each table grows along its own axis', () => {
    for (const kind of ['2d-sum', '2d-concat'] as const)
      expect(positionKinds[kind](options).added([5, 4], 'f32')?.shape).toEqual([1, 21, 6]);
  });
});
