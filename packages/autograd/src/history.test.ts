/** Which history is kept: as in PyTorch, that of what requires a gradient. */
import { noGrad, type Tensor, tensor } from '@tessera/tensor';
import { isHistoryForgotten } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { backward } from './backward.ts';
import { checkpoint } from './checkpoint.ts';
import { valueAndGrad, vjp } from './functional.ts';
import { grad } from './grad.ts';
import { useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

const plain = (...values: number[]): Tensor => tensor(values, { dtype: 'f64' });
const leaf = (...values: number[]): Tensor => tensor(values, { dtype: 'f64', requiresGrad: true });
const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const forgotten =
  'history was not kept, because nothing there requires a gradient; set requiresGrad = true before it is used';

describe('a tensor without requiresGrad', () => {
  it('is differentiated before anything is read', async () => {
    const x = plain(1, 2);
    expect(await values(grad(x.square().sum(), x))).toEqual([2, 4]);
  });

  it('cannot be differentiated after the loss was read, and the error says what to do', async () => {
    const x = plain(1, 2);
    const loss = x.square().sum();
    await loss.item();
    expect(() => grad(loss, x)).toThrow(forgotten);
    // Zeros would be wrong.
    expect(() => grad(loss, x, { allowUnused: true })).toThrow(forgotten);
    expect(() => backward(loss)).toThrow('values that are read before forget what they were computed from');
  });

  it('is refused where one of two paths is gone', async () => {
    const x = plain(1, 2);
    const y = x.mul(2);
    await y.data();
    expect(() => grad(y.add(x).sum(), x)).toThrow(forgotten);
    expect(await values(grad(y.mul(3).sum(), y))).toEqual([3, 3]);
  });

  it('is not confused with data that were computed before, or after it, from other data', async () => {
    const images = await plain(3, 4).mul(2).realize();
    const x = plain(1, 2);
    const later = await plain(5, 6).add(1).realize();
    expect(await values(grad(x.mul(images).mul(later).sum(), x))).toEqual([36, 56]);
    expect(() => grad(images.sum(), x)).toThrow('is not in the graph of the loss');
    expect(await values(grad(images.sum(), x, { allowUnused: true }))).toEqual([0, 0]);
  });

  it('is not confused with data that are older and computed later', async () => {
    const images = plain(3, 4);
    const x = plain(1, 2);
    const h = await images.mul(2).realize();
    const further = await h.add(1).mul(h).realize();
    const w = x.mul(3);
    expect(await values(grad(x.mul(h).mul(further).sum(), x))).toEqual([252, 576]);
    expect(await values(grad(w.mul(further).sum(), w))).toEqual([42, 72]);
    await w.add(1).data();
    const both = await w.add(h).realize();
    expect(() => grad(both.mul(x).sum(), x)).toThrow(forgotten);
    expect(() => grad(both.mul(w).sum(), w)).toThrow(forgotten);
    expect(() => grad(both.mul(images).sum(), images)).toThrow(forgotten);
  });

  it('needs no mark inside of valueAndGrad and vjp, whatever is read', async () => {
    const x = plain(3);
    const [value, [gradient]] = valueAndGrad((w: Tensor) => {
      const square = w.square();
      expect(square.dataSync()).toEqual(Float64Array.of(9));
      return square.mul(2).sum();
    })(x);
    expect([await value.item(), await gradient?.item()]).toEqual([18, 12]);
    const [y, pullback] = vjp((w) => w.exp(), x);
    await y.data();
    expect(await pullback()[0]?.item()).toBeCloseTo(Math.exp(3), 10);
  });
});

describe('a tensor with requiresGrad', () => {
  it('is differentiated after values were read, also in between', async () => {
    const w = leaf(2, 3);
    const h = w.square();
    await h.data();
    const loss = h.mul(w).sum();
    await loss.item();
    expect(await values(grad(loss, w))).toEqual([12, 27]);
    backward(loss);
    expect(await values(w.grad as Tensor)).toEqual([12, 27]);
  });

  it('may be marked after it was computed: that counts for later uses', async () => {
    const x = await plain(1, 2).mul(3).realize();
    const before = await x.mul(2).realize();
    x.requiresGrad = true;
    const loss = x.square().add(before).sum();
    await loss.item();
    expect(await values(grad(loss, x))).toEqual([6, 12]);
    backward(loss);
    expect(await values(x.grad as Tensor)).toEqual([6, 12]);
  });

  it('keeps the history of checkpointed functions', async () => {
    const w = leaf(2);
    const loss = checkpoint((x: Tensor) => x.square().mul(x))(w).sum();
    await loss.item();
    expect(await values(grad(loss, w))).toEqual([12]);
  });

  it('loses the mark', async () => {
    const w = leaf(2);
    w.requiresGrad = false;
    const y = await w.square().realize();
    expect(isHistoryForgotten(y.node)).toBe(true);
  });
});

describe('history is forgotten', () => {
  it.each<[string, (w: Tensor) => Tensor, boolean]>([
    ['where nothing requires a gradient', () => plain(1).add(1), true],
    ['by detach', (w) => w.mul(2).detach(), true],
    ['below detach', (w) => w.mul(2).detach().add(1), true],
    ['under noGrad', (w) => noGrad(() => w.mul(2)), true],
    ['of integers', (w) => w.mul(2).cast('i32'), true],
    ['but not of what requires a gradient', (w) => w.mul(2), false],
    ['but not of what is mixed with it', (w) => plain(1).add(1).mul(w), false],
  ])('%s', async (_name, make, expected) => {
    const y = make(leaf(3));
    expect(isHistoryForgotten(y.node)).toBe(false);
    await y.data();
    expect(isHistoryForgotten(y.node)).toBe(expected);
    expect(await values(y.add(0.5))).toEqual((await values(y)).map((v) => v + 0.5));
  });

  it('also of views, which can be viewed again', async () => {
    const x = plain(1, 2, 3, 4, 5, 6).reshape(2, 3).add(0);
    for (const view of [
      x.reshape(3, 2),
      x.transpose(),
      x.unsqueeze(0).expand(2, 2, 3),
      x.pad([
        [1, 0],
        [0, 0],
      ]),
      x.flip(0),
      x.slice(1, 1),
    ]) {
      const before = await view.reshape(-1).toArray();
      await view.realize();
      expect(isHistoryForgotten(view.node)).toBe(true);
      expect(await view.reshape(-1).toArray()).toEqual(before);
      expect(await view.transpose().transpose().reshape(-1).toArray()).toEqual(before);
      expect(await values(grad(x.mul(2).sum(), x, { gradOutput: plain(1).sum() }))).toHaveLength(6);
    }
    const gradOutput = await x
      .slice(1, 0, 2)
      .pad([
        [0, 0],
        [0, 1],
      ])
      .realize();
    const y = leaf(1, 1, 1, 1, 1, 1).reshape(2, 3);
    expect(await values(grad(y.mul(y).add(y), y, { gradOutput }))).toEqual([3, 6, 0, 12, 15, 0]);
  });
});
