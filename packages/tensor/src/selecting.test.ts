/** Methods that read values to know the shape of their result, on every backend; the expected values are PyTorch's. */
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { tensor } from './functions.ts';
import { setDefaultBackend } from './kernel/backend.ts';
import type { Tensor } from './tensor.ts';
import { registerTestedBackends, testedBackends } from './testing/backends.ts';

registerTestedBackends();

const x = (): Tensor => tensor([3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1], { shape: [3, 4] });

describe.each(testedBackends)('selection by values on %s', (backend) => {
  beforeAll(() => setDefaultBackend(backend));

  it('maskedSelect takes what a mask that broadcasts names, in order', async () => {
    expect(await (await x().maskedSelect(x().gt(1))).toArray()).toEqual([3, 2, 2, 5, 2.5, 4]);
    const columns = tensor([true, false, false, true]);
    expect(await (await x().maskedSelect(columns)).toArray()).toEqual([3, 2, 0, 1, 2.5, -1]);
    expect((await x().maskedSelect(x().gt(9))).shape).toEqual([0]);
  });

  it('nonzero lists positions, NaN included', async () => {
    const sparse = tensor([
      [0, 1, 0],
      [Number.NaN, 0, -2],
    ]);
    expect(await (await sparse.nonzero()).toArray()).toEqual([
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    expect((await tensor(3).argwhere()).shape).toEqual([1, 0]);
    expect((await tensor([0, 0]).nonzero()).shape).toEqual([0, 1]);
  });

  it('unique returns values, inverse and counts', async () => {
    const { values, inverse, counts } = await tensor(Int32Array.of(5, 2, 2, 9, -3, 5)).unique();
    expect(await values.toArray()).toEqual([-3, 2, 5, 9]);
    expect(await inverse.toArray()).toEqual([2, 1, 1, 3, 0, 2]);
    expect(await counts.toArray()).toEqual([1, 2, 2, 1]);
  });

  it('unique along an axis compares slices', async () => {
    const rows = tensor([
      [1, 2],
      [0, 3],
      [1, 2],
      [0, 1],
    ]);
    const { values, inverse, counts } = await rows.unique({ axis: 0 });
    expect(await values.toArray()).toEqual([
      [0, 1],
      [0, 3],
      [1, 2],
    ]);
    expect(await inverse.toArray()).toEqual([2, 1, 2, 0]);
    expect(await counts.toArray()).toEqual([1, 1, 2]);
  });

  it('NaNs are all distinct', async () => {
    const { values, counts } = await tensor([Number.NaN, 1, Number.NaN, 1]).unique();
    expect(await values.toArray()).toEqual([1, Number.NaN, Number.NaN]);
    expect(await counts.toArray()).toEqual([2, 1, 1]);
  });

  it('uniqueConsecutive keeps the order', async () => {
    const { values, inverse, counts } = await tensor([1, 1, 2, 2, 2, 1]).uniqueConsecutive();
    expect(await values.toArray()).toEqual([1, 2, 1]);
    expect(await inverse.toArray()).toEqual([0, 0, 1, 1, 1, 2]);
    expect(await counts.toArray()).toEqual([2, 3, 1]);
  });

  it('bincount counts whole numbers, with weights and a least length', async () => {
    const numbers = tensor(Int32Array.of(1, 3, 1, 0));
    expect(await (await numbers.bincount()).toArray()).toEqual([1, 2, 0, 1]);
    expect(await (await numbers.bincount({ minlength: 6 })).toArray()).toEqual([1, 2, 0, 1, 0, 0]);
    const weights = tensor([0.5, 1, 2, 4]);
    expect(await (await numbers.bincount({ weights })).toArray()).toEqual([4, 2.5, 0, 1]);
    await expect(tensor(Int32Array.of(-1)).bincount()).rejects.toThrow('bincount: needs numbers of at least 0, got -1');
  });
});

describe('index with masks', () => {
  beforeAll(() => setDefaultBackend('wasm'));

  it('takes a mask for the axes that it covers', () => {
    expect(x().index(x().gt(2)).toArraySync()).toEqual([3, 5, 2.5, 4]);
    expect(
      x()
        .index(tensor([true, false, true]), ':2')
        .toArraySync(),
    ).toEqual([
      [3, -1],
      [2.5, -0.5],
    ]);
    expect(
      x()
        .index('...', tensor([false, true, false, true]))
        .toArraySync(),
    ).toEqual([
      [-1, 2],
      [5, 1],
      [-0.5, -1],
    ]);
    expect(
      x()
        .index(tensor([true, false, true]), tensor(Int32Array.of(1, 2)))
        .toArraySync(),
    ).toEqual([-1, 4]);
  });

  it('says which sizes do not fit', () => {
    expect(() => x().index(tensor([true, false]))).toThrow(
      'index: the mask [2] does not have the sizes [3] of the axes from 0 on of [3, 4]',
    );
    expect(() => x().index(0, 0, 0)).toThrow('index: 3 indices for the 2 dimensions of [3, 4]');
    expect(() => x().index('1;2')).toThrow("index: '1;2' is not a slice");
    expect(() => x().index('::-1')).toThrow('slice: step must be a whole number greater than 0, got -1');
  });
});

describe('a backend that cannot block', () => {
  it('says how to index by a mask', async () => {
    setDefaultBackend('gpujs:webasm');
    expect(() => x().index(x().gt(2))).toThrow('(await mask.nonzero()).unbind(1)');
    const [i, j] = (await x().gt(2).nonzero()).unbind(1) as [Tensor, Tensor];
    expect(await x().index(i, j).toArray()).toEqual([3, 5, 2.5, 4]);
  });
});

describe('inside of a compiled function', () => {
  beforeAll(() => setDefaultBackend('wasm'));

  it('what must read values is refused', async () => {
    await expect(compile((t: Tensor) => t.maskedSelectSync(t.gt(0)))(x())).rejects.toThrow('cannot be read');
    await expect(compile((t: Tensor) => t.index(t.gt(0)))(x())).rejects.toThrow('cannot be read');
  });

  it('sorting, scattering and decompositions run as one program', async () => {
    const sorted = compile((t: Tensor) => t.sort(1).values.cumsum(1));
    expect(await (await sorted(x())).toArray()).toEqual([
      [-1, 1, 3, 6],
      [-4, -4, -3, 2],
      [-1, -1.5, 1, 5],
    ]);
  });
});
