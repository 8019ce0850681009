/** Gradcheck finds wrong derivatives, and accepts right ones near a kink. */
import { type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { customGradient } from './custom.ts';
import { adjointCheck, GradcheckError, gradcheck, gradgradcheck } from './gradcheck.ts';
import { normalSequence } from './normal.ts';
import { indices, normal, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

/** x^2 with a derivative that is wrong by `factor`. */
const squareWith = (factor: number): ((x: Tensor) => Tensor) =>
  customGradient(
    (x: Tensor) => x.mul(x),
    (gradient, [x]) => [gradient.mul(x as Tensor).mul(2 * factor)],
  );

describe('gradcheck', () => {
  it('accepts a right gradient and reports how close it was', async () => {
    const { worst, comparisons } = await gradcheck(squareWith(1), [normal([5], 1)], { directions: 4 });
    expect(worst).toBeLessThan(1e-8);
    expect(comparisons).toBe(4);
  });

  it('finds an error of one in a hundred thousand', async () => {
    await expect(gradcheck(squareWith(1 + 1e-5), [normal([5], 2)])).rejects.toThrow(GradcheckError);
  });

  it('finds an error in a single element', async () => {
    const almost = customGradient(
      (x: Tensor) => x.mul(1),
      (gradient) => [
        gradient.add(
          gradient
            .slice(0, 7, 8)
            .pad([[7, 12]])
            .mul(1e-3),
        ),
      ],
    );
    await expect(gradcheck(almost, [normal([20], 3)])).rejects.toThrow(GradcheckError);
  });

  it('finds a gradient that is missing', async () => {
    await expect(gradcheck((x) => x.detach(), [normal([3], 4)])).rejects.toThrow(
      /by the reverse gradient it is 0: relative error 1\.00e\+0/,
    );
  });

  it('says which input, which direction and both numbers', async () => {
    const wrong = customGradient(
      (a: Tensor, b: Tensor) => a.add(b),
      (gradient) => [gradient, gradient.mul(2)],
    );
    const b = normal([3], 6);
    b.name = 'bias';
    await expect(gradcheck(wrong, [normal([3], 5), b], { seed: 11 })).rejects.toThrow(
      /^gradcheck: input 1, 'bias' \(f64 \[3\]\), direction 0 \[.*\]: the central difference is -?[\d.e-]+, by the reverse gradient it is -?[\d.e-]+: relative error 5\.00e-1 > 0\.000001 \(eps 0\.00001, seed 11\)$/,
    );
  });

  it('checks several outputs, and passes integers through', async () => {
    const fn = (x: Tensor, index: Tensor): Tensor[] => {
      const rows = x.indexSelect(0, index);
      return [rows.exp(), rows.sum(), index];
    };
    const { comparisons } = await gradcheck(fn, [normal([4, 2], 7), indices([2, 0, 2])], { directions: 1 });
    expect(comparisons).toBe(1);
  });

  it('does not mistake rounding for an error', async () => {
    // Constant up to rounding: the difference is noise, the gradient noise of another kind.
    await gradcheck((x) => x.softmax(0).sum().mul(1e6), [normal([6], 8)]);
  });

  it('is not misled by a kink near a point, and does not excuse a wrong gradient by one', async () => {
    const x = normal([6], 12);
    const values = await x.data();
    // Kinks a millionth away from the values: differences over 1e-5 step over them.
    const corners = tensor(
      Float64Array.from(values, (value) => value + 1e-6),
      { dtype: 'f64' },
    );
    const bent = (v: Tensor): Tensor => v.sub(corners).abs().add(v.square());
    expect((await gradcheck(bent, [x])).comparisons).toBe(3);
    const wrong = customGradient(bent, (gradient, [v]) => [gradient.mul((v as Tensor).mul(2).sub(1.001))]);
    await expect(gradcheck(wrong, [x])).rejects.toThrow(GradcheckError);
  });

  it('refuses f32', async () => {
    const x = normal([2], 9).cast('f32');
    await expect(gradcheck((v) => v, [x])).rejects.toThrow('input 0, f32 [2]: differences need f64');
    await expect(gradcheck((v) => v.cast('f32'), [normal([2], 9)])).rejects.toThrow('the function must compute in f64');
    await expect(gradcheck((v) => v, [indices([1])])).rejects.toThrow('no input is floating point');
  });
});

describe('gradgradcheck', () => {
  it('finds a second derivative that is missing', async () => {
    const fn = customGradient(
      (x: Tensor) => x.mul(x),
      (gradient, [x]) => [gradient.mul((x as Tensor).detach()).mul(2)],
    );
    await gradcheck(fn, [normal([3], 10)]);
    await expect(gradgradcheck(fn, [normal([3], 10)])).rejects.toThrow(GradcheckError);
  });
});

describe('adjointCheck', () => {
  it('holds for linear functions to the last digits', async () => {
    const weight = normal([4, 6], 11);
    const linear = (x: Tensor): Tensor => x.flip([1]).matmul(weight).transpose(0, 1).slice(0, 1, 4);
    expect(await adjointCheck(linear, normal([3, 4], 12))).toBeLessThan(1e-14);
  });

  it('finds a pullback that is not the adjoint', async () => {
    const wrong = customGradient(
      (x: Tensor) => x.flip([0]),
      (gradient) => [gradient],
    );
    await expect(adjointCheck(wrong, normal([4], 13))).rejects.toThrow(/<Av, u> is .*, <v, A'u> is /);
  });

  it('finds a function that is not linear', async () => {
    await expect(adjointCheck((x) => x.exp(), normal([4], 14))).rejects.toThrow('is the function linear?');
  });
});

describe('normalSequence', () => {
  it('is standard normal and repeats by seed', () => {
    const draw = normalSequence(15)(20_000);
    const mean = draw.reduce((sum, x) => sum + x, 0) / draw.length;
    const variance = draw.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draw.length;
    const kurtosis = draw.reduce((sum, x) => sum + (x - mean) ** 4, 0) / draw.length / variance ** 2;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    expect(Math.abs(kurtosis - 3)).toBeLessThan(0.2);
    expect(normalSequence(15)(3)).toEqual(draw.slice(0, 3));
    expect(normalSequence(16)(3)).not.toEqual(draw.slice(0, 3));
  });
});
