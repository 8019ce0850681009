/** Principal components, compared with the eigenvectors of the covariance. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementAt } from '../element-at.ts';
import { Matrix } from './matrix.ts';
import { principalComponents, symmetricEigen } from './principal-components.ts';

const number = fc.double({ min: -4, max: 4, noNaN: true });

describe('symmetricEigen', () => {
  it('finds A v = lambda v with orthonormal v, the largest lambda first', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 9 })
          .chain((n) => fc.tuple(fc.constant(n), fc.array(number, { minLength: n * n, maxLength: n * n }))),
        ([n, drawn]) => {
          const upper = Matrix.of(n, n, drawn);
          const a = Matrix.from(n, n, (i, j) => upper.get(Math.min(i, j), Math.max(i, j)));
          const pairs = symmetricEigen(a);
          expect(pairs.map(({ value }) => value)).toEqual(pairs.map(({ value }) => value).sort((x, y) => y - x));
          for (const [k, { value, vector }] of pairs.entries()) {
            const v = Matrix.of(n, 1, vector);
            expect(a.times(v).column(0)).toEqual(vector.map((x) => expect.closeTo(value * x, 9)));
            for (const [i, other] of pairs.entries())
              expect(v.transposedTimes(Matrix.of(n, 1, other.vector)).get(0, 0)).toBeCloseTo(i === k ? 1 : 0, 9);
          }
        },
      ),
    );
  });
});

describe('principalComponents', () => {
  it('agrees with the eigenvectors of the whole covariance', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 15, maxLength: 150 }), (drawn) => {
        const dims = 5;
        const rows = Math.floor(drawn.length / dims);
        const points = Matrix.of(rows, dims, drawn.slice(0, rows * dims));
        const means = Array.from({ length: dims }, (_, k) =>
          points.column(k).reduce((mean, value) => mean + value / rows, 0),
        );
        const x = Matrix.from(rows, dims, (row, k) => points.get(row, k) - elementAt(means, k));
        const values = symmetricEigen(x.transposedTimes(x)).map(({ value }) => Math.max(0, value));
        const total = values.reduce((sum, value) => sum + value, 0);
        const { coordinates, shares } = principalComponents(drawn.slice(0, rows * dims), dims, 2);
        for (const [k, value] of values.slice(0, 2).entries()) {
          if (total > 1e-12) expect(shares[k]).toBeCloseTo(value / total, 8);
          const along = coordinates.reduce((sum, place) => sum + elementAt(place, k) ** 2, 0);
          expect(along).toBeCloseTo(value, 7);
        }
      }),
    );
  });

  it('finds two directions among many, and the coordinates along them', () => {
    // Along two orthogonal unit vectors that are not parallel to any axis.
    const dims = 64;
    const along = (k: number, side: number): number => (k % 2 === side ? Math.SQRT2 / Math.sqrt(dims) : 0);
    const places = [
      { far: -3, near: 0 },
      { far: -1, near: 0.5 },
      { far: 1, near: 0.5 },
      { far: 3, near: 0 },
      { far: 0, near: -0.5 },
      { far: 0, near: -0.5 },
    ];
    const points = Float32Array.from(
      places.flatMap(({ far, near }) => Array.from({ length: dims }, (_, k) => far * along(k, 0) + near * along(k, 1))),
    );
    const { coordinates, shares } = principalComponents(points, dims, 2);
    expect(shares).toEqual([expect.closeTo(20 / 21, 5), expect.closeTo(1 / 21, 5)]);
    for (const [row, { far, near }] of places.entries()) {
      const [first, second] = coordinates[row] ?? [];
      // Both extremes are equally far: the first of them decides the sign of the direction.
      expect(first).toBeCloseTo(-far, 4);
      expect(Math.abs(second ?? Number.NaN)).toBeCloseTo(Math.abs(near), 4);
    }
    expect(principalComponents(points, dims, 2)).toEqual({ coordinates, shares });
  });

  it('returns zeros where nothing varies', () => {
    const constant = principalComponents([1, 2, 1, 2, 1, 2], 2, 2);
    expect(constant).toEqual({ coordinates: [0, 1, 2].map(() => [0, 0]), shares: [0, 0] });
    const line = principalComponents([0, 1, 3], 1, 2);
    expect(line.coordinates).toEqual([-4 / 3, -1 / 3, 5 / 3].map((value) => [expect.closeTo(value, 12), 0]));
    expect(line.shares[1]).toBe(0);
  });

  it('refuses values that are not whole points', () => {
    expect(() => principalComponents([1, 2, 3], 2, 1)).toThrow('3 values is not a positive multiple of 2 dimensions');
    expect(() => principalComponents([], 2, 1)).toThrow('0 values is not a positive multiple of 2 dimensions');
  });
});
