import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
          const at = (i: number, j: number): number => drawn[Math.min(i, j) * n + Math.max(i, j)];
          const a = Float64Array.from({ length: n * n }, (_, k) => at(Math.floor(k / n), k % n));
          const { values, vectors } = symmetricEigen(a, n);
          for (let k = 0; k < n; k++) {
            if (k > 0) expect(values[k]).toBeLessThanOrEqual(values[k - 1]);
            for (let i = 0; i < n; i++) {
              let [image, overlap] = [0, 0];
              for (let j = 0; j < n; j++) {
                image += a[i * n + j] * vectors[j * n + k];
                overlap += vectors[j * n + i] * vectors[j * n + k];
              }
              expect(image).toBeCloseTo(values[k] * vectors[i * n + k], 9);
              expect(overlap).toBeCloseTo(i === k ? 1 : 0, 9);
            }
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
        const points = drawn.slice(0, rows * dims);
        const means = Array.from({ length: dims }, (_, k) =>
          points.reduce((sum, value, at) => sum + (at % dims === k ? value / rows : 0), 0),
        );
        const x = points.map((value, at) => value - means[at % dims]);
        const covariance = new Float64Array(dims * dims);
        for (let row = 0; row < rows; row++)
          for (let i = 0; i < dims; i++)
            for (let j = 0; j < dims; j++) covariance[i * dims + j] += x[row * dims + i] * x[row * dims + j];
        const { values } = symmetricEigen(covariance, dims);
        const total = values.reduce((sum, value) => sum + value, 0);
        const { coordinates, shares } = principalComponents(points, dims, 2);
        for (const k of [0, 1]) {
          if (total > 1e-12) expect(shares[k]).toBeCloseTo(Math.max(0, values[k]) / total, 8);
          let along = 0;
          for (let row = 0; row < rows; row++) along += coordinates[row * 2 + k] ** 2;
          expect(along).toBeCloseTo(Math.max(0, values[k]), 7);
        }
      }),
    );
  });

  it('finds two directions among many, and says where the points lie', () => {
    // Along two unit vectors at right angles that belong to no axis, and a little of everything else.
    const dims = 64;
    const along = (k: number, side: number): number => (k % 2 === side ? Math.SQRT2 / Math.sqrt(dims) : 0);
    const [far, near] = [
      [-3, -1, 1, 3, 0, 0],
      [0, 0.5, 0.5, 0, -0.5, -0.5],
    ];
    const points = Float32Array.from(
      { length: 6 * dims },
      (_, at) => far[Math.floor(at / dims)] * along(at % dims, 0) + near[Math.floor(at / dims)] * along(at % dims, 1),
    );
    const { coordinates, shares } = principalComponents(points, dims, 2);
    expect(shares[0]).toBeCloseTo(20 / 21, 5);
    expect(shares[1]).toBeCloseTo(1 / 21, 5);
    for (const [row, place] of far.entries()) {
      // The extremes are equally far: the first of them decides where the direction points.
      expect(coordinates[2 * row]).toBeCloseTo(-place, 4);
      expect(Math.abs(coordinates[2 * row + 1])).toBeCloseTo(Math.abs(near[row]), 4);
    }
    expect(principalComponents(points, dims, 2)).toEqual({ coordinates, shares });
  });

  it('gives zeros where nothing varies, and refuses what are no points', () => {
    expect(principalComponents([1, 2, 1, 2, 1, 2], 2, 2)).toEqual({ coordinates: new Float64Array(6), shares: [0, 0] });
    const line = principalComponents([0, 1, 3], 1, 2);
    expect([...line.coordinates]).toEqual([-4 / 3, 0, -1 / 3, 0, 5 / 3, 0].map((value) => expect.closeTo(value, 12)));
    expect(line.shares[1]).toBe(0);
    expect(() => principalComponents([1, 2, 3], 2, 1)).toThrow('3 numbers are no points of 2');
    expect(() => principalComponents([], 2, 1)).toThrow('0 numbers are no points of 2');
  });
});
