/** vjp, jvp and valueAndGrad against derivatives that are known in closed form. */
import type { Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from './at.ts';
import { jvp, valueAndGrad, vjp } from './functional.ts';
import { grad } from './grad.ts';
import { indices, normal, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

async function expectClose(got: Tensor, wanted: readonly number[]): Promise<void> {
  const numbers = await values(got);
  expect(numbers.length).toBe(wanted.length);
  numbers.forEach((x, i) => {
    expect(x).toBeCloseTo(at(wanted, i), 10);
  });
}

describe('vjp', () => {
  it('returns the value and pulls cotangents back', async () => {
    const [a, b, u] = [normal([2, 3], 1), normal([3, 4], 2), normal([2, 4], 3)];
    const [value, pullback] = vjp((x, y) => x.matmul(y), a, b);
    await expectClose(value, await values(a.matmul(b)));
    const [da, db] = pullback(u) as [Tensor, Tensor];
    await expectClose(da, await values(u.matmul(b.transpose(0, 1))));
    await expectClose(db, await values(a.transpose(0, 1).matmul(u)));
  });

  it('differentiates with respect to the arguments only', async () => {
    const x = normal([3], 4);
    const [, pullback] = vjp((argument) => argument.mul(x).sum(), x);
    await expectClose(at(pullback(), 0), await values(x));
  });

  it('returns zeros for an input that does not matter', async () => {
    const [, pullback] = vjp((x) => x.sum(), normal([2], 5), normal([3], 6));
    await expectClose(at(pullback(), 1), [0, 0, 0]);
  });

  it('refuses integer inputs and cotangents of another shape', () => {
    expect(() => vjp((x) => x.cast('f64').sum(), indices([1]))).toThrow('vjp: input 0, i32 [1]');
    const [, pullback] = vjp((x) => x.exp(), normal([2], 7));
    expect(() => pullback(normal([3], 8))).toThrow('vjp: cotangent is f64 [3], but must be f64 [2]');
  });
});

describe('jvp', () => {
  it('is the derivative along the tangent', async () => {
    const [x, t] = [normal([4], 9), normal([4], 10)];
    const [value, tangent] = jvp((v) => v.sin(), [x], [t]);
    await expectClose(value, (await values(x)).map(Math.sin));
    const slopes = (await values(x)).map(Math.cos);
    await expectClose(
      tangent,
      (await values(t)).map((v, i) => v * at(slopes, i)),
    );
  });

  it('sums over the inputs', async () => {
    const [a, b, ta, tb] = [normal([2, 3], 11), normal([3, 2], 12), normal([2, 3], 13), normal([3, 2], 14)];
    const [, tangent] = jvp((x, y) => x.matmul(y), [a, b], [ta, tb]);
    await expectClose(tangent, await values(ta.matmul(b).add(a.matmul(tb))));
  });

  it('nests: a Hessian-vector product', async () => {
    // f = sum x^4 / 12, so that the Hessian is diag(x^2).
    const [x, v] = [normal([3], 15), normal([3], 16)];
    const gradient = (p: Tensor): Tensor => {
      const point = p as Tensor;
      return grad(point.pow(4).sum().div(12), point);
    };
    const [, product] = jvp(gradient, [x], [v]);
    const [points, directions] = [await values(x), await values(v)];
    await expectClose(
      product,
      points.map((p, i) => p * p * at(directions, i)),
    );
  });

  it('refuses tangents that do not fit', () => {
    const x = normal([2], 17);
    expect(() => jvp((v) => v, [x], [])).toThrow('jvp: needs one tangent for each of 1 inputs, got 0');
    expect(() => jvp((v) => v, [x], [normal([3], 18)])).toThrow('jvp: tangent 0 is f64 [3], but must be f64 [2]');
  });
});

describe('valueAndGrad', () => {
  const loss = (w: Tensor, x: Tensor, scale: number): Tensor => x.matmul(w).square().sum().mul(scale);

  it('differentiates the first argument', async () => {
    const [w, x] = [normal([3, 2], 19), normal([4, 3], 20)];
    const [value, gradients] = valueAndGrad(loss)(w, x, 0.5);
    expect(gradients.length).toBe(1);
    await expectClose(value, await values(loss(w, x, 0.5)));
    await expectClose(at(gradients, 0), await values(x.transpose(0, 1).matmul(x.matmul(w))));
  });

  it('differentiates the arguments that were chosen', async () => {
    const [w, x] = [normal([3, 2], 21), normal([4, 3], 22)];
    const [, gradients] = valueAndGrad(loss, [1, 0])(w, x, 0.5);
    expect(gradients.map((g) => g.shape)).toEqual([
      [4, 3],
      [3, 2],
    ]);
    expect(() => valueAndGrad(loss, [2])(w, x, 0.5)).toThrow('valueAndGrad: argument 2 is not a tensor');
  });
});
