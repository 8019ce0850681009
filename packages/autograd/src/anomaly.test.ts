/** `detectAnomaly`: which operation's derivative made the first NaN. */
import { compile, nameScope, noGrad, type Tensor, tensor, where } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { detectAnomaly } from './anomaly.ts';
import { backward } from './backward.ts';
import { valueAndGrad } from './functional.ts';
import { grad } from './grad.ts';
import { useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

const leaf = (values: number[]): Tensor => tensor(values, { dtype: 'f64', requiresGrad: true });

/** The root of x, masked where x is 0: the value is finite, the gradient is 0 * infinity. */
const maskedRoot = (x: Tensor): Tensor =>
  where(
    x.eq(0),
    0,
    nameScope('layers.3', () => x.sqrt()),
  ).sum();

describe('detectAnomaly', () => {
  it('names the operation, the module and the line whose derivative made a NaN', () => {
    const act = (): void => detectAnomaly(() => backward(maskedRoot(leaf([4, 0]))));
    expect(act).toThrow(
      /^detectAnomaly: the backward pass of sqrt made NaN in the gradient of its operand 0, f64 \[2\]; in 'layers\.3'; made at .*anomaly\.test\.ts:\d+:\d+$/,
    );
  });

  it('sees grad and valueAndGrad, and tells where to put the forward pass', () => {
    const x = leaf([0]);
    const loss = maskedRoot(x);
    expect(() => detectAnomaly(() => grad(loss, x))).toThrow('run the forward pass inside of detectAnomaly too');
    expect(() => detectAnomaly(() => valueAndGrad(maskedRoot)(x))).toThrow('the backward pass of sqrt made NaN');
  });

  it('follows asynchronous code, and ends with it', async () => {
    const x = leaf([0]);
    const waiting = detectAnomaly(async () => {
      await x.data();
      return grad(maskedRoot(x), x);
    });
    await expect(waiting).rejects.toThrow('the backward pass of sqrt made NaN');
    expect(await grad(maskedRoot(x), x).item()).toBeNaN();
  });

  it('changes nothing where all is well, and ignores infinities and gradients that are not asked for', async () => {
    const x = leaf([4, 1]);
    const zero = tensor([0, 0], { dtype: 'f64' });
    const loss = (): Tensor => x.mul(3).add(zero.sqrt().mul(0)).log().sum();
    const plain = await grad(loss(), x).data();
    expect(await detectAnomaly(() => grad(loss(), x)).data()).toEqual(plain);
    expect(await detectAnomaly(() => grad(leaf([0]).add(x).sub(x.detach()).sum(), x)).data()).toEqual(
      Float64Array.of(1, 1),
    );
    const atZero = leaf([0]);
    expect(await detectAnomaly(() => grad(atZero.sqrt().sum(), atZero)).item()).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends when the body throws', async () => {
    expect(() =>
      detectAnomaly(() => {
        throw new Error('from the body');
      }),
    ).toThrow('from the body');
    const x = leaf([0]);
    expect(await grad(maskedRoot(x), x).item()).toBeNaN();
  });

  it('leaves compiled functions to their own option', async () => {
    const x = leaf([0]);
    const step = compile(() => grad(maskedRoot(x), x));
    expect(await (await detectAnomaly(() => step())).item()).toBeNaN();
    const checked = compile(() => grad(maskedRoot(x), x), { check: true });
    await expect(checked()).rejects.toThrow(
      /in the backward pass of sqrt,.* made NaN .*; made at .*anomaly\.test\.ts:/,
    );
  });

  it('is not disturbed by noGrad', () => {
    const x = leaf([0]);
    expect(() =>
      detectAnomaly(() =>
        grad(
          noGrad(() => x.add(1))
            .mul(maskedRoot(x))
            .sum(),
          x,
        ),
      ),
    ).toThrow('sqrt');
  });
});
