/** Indices out of range are errors when values are computed, on every backend. */
import { beforeEach, describe, expect, it, test } from 'vitest';
import { compile } from '../compile.ts';
import { arange, checkIndices, iota, tensor, zeros } from '../functions.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import type { Tensor } from '../tensor.ts';
import { registerTestedBackends, testedBackends } from '../testing/backends.ts';
import { rangeOf } from './index-check.ts';
import { nameScope } from './node.ts';

registerTestedBackends();

const table = (): Tensor => arange(12).reshape(4, 3).cast('f32');
const indices = (values: number[], shape?: number[]): Tensor => {
  const index = tensor(values, { dtype: 'i32', ...(shape === undefined ? {} : { shape }) });
  // As if it were computed: nothing is known of its values.
  return index.add(tensor(0).cast('i32'));
};

describe.each(testedBackends)('indices out of range on %s', (backend) => {
  beforeEach(() => setDefaultBackend(backend));

  it.each<[string, () => Tensor, string]>([
    [
      'indexSelect',
      () => table().indexSelect(0, indices([0, 3, 4, 9])),
      'indexSelect: index 4 at position [2] of [4] is out of range: it must be from 0 to 3',
    ],
    [
      'a negative index',
      () => table().indexSelect(1, indices([0, -1])),
      'indexSelect: index -1 at position [1] of [2] is out of range: it must be from 0 to 2',
    ],
    [
      'an index matrix',
      () => table().indexSelect(0, indices([0, 1, 2, 3, 4, 5], [2, 3])),
      'indexSelect: index 4 at position [1, 1] of [2, 3]',
    ],
    [
      'u8',
      () => table().indexSelect(0, tensor(Uint8Array.of(1, 200))),
      'indexSelect: index 200 at position [1] of [2]',
    ],
    [
      'takeAlongAxis',
      () => table().takeAlongAxis(1, indices([0, 1, 2, 3], [4, 1])),
      'takeAlongAxis: index 3 at position [3, 0] of [4, 1] is out of range: it must be from -3 to 2',
    ],
    [
      'takeAlongAxis below',
      () => table().takeAlongAxis(0, indices([0, -5, 0], [1, 3])),
      'takeAlongAxis: index -5 at position [0, 1] of [1, 3] is out of range: it must be from -4 to 3',
    ],
    [
      'oneHot',
      () => indices([0, 2, 3]).oneHot(3),
      'oneHot: index 3 at position [2] of [3] is out of range: it must be from 0 to 2',
    ],
    [
      'data from the host',
      () => table().indexSelect(0, tensor([1, 7], { dtype: 'i32' })),
      'indexSelect: index 7 at position [1] of [2]',
    ],
    [
      'what is computed from it',
      () =>
        table()
          .indexSelect(0, indices([4]))
          .mul(2)
          .sum(),
      'indexSelect: index 4 at position [0] of [1]',
    ],
  ])('%s', async (_name, make, message) => {
    await expect(make().data()).rejects.toThrow(message);
    await expect(make().data()).rejects.toThrow(/made at .*index-check\.test\.ts:\d+:\d+$/);
  });

  it('names the module, and does not disturb other values', async () => {
    const bad = nameScope('text.embedding', () => table().indexSelect(0, indices([7])));
    await expect(bad.data()).rejects.toThrow("it must be from 0 to 3; in 'text.embedding'; made at");
    const [good, state] = [table().indexSelect(0, indices([3])), zeros([1])];
    state.assign(state.add(1));
    expect([...(await good.data()), await state.item()]).toEqual([9, 10, 11, 1]);
    await expect(bad.sum().data()).rejects.toThrow('index 7');
  });

  it('is checked once, and in the assigned state too', async () => {
    const index = indices([3]);
    const rows = table().indexSelect(0, index);
    expect(rows.node.checks.length).toBe(1);
    await rows.data();
    expect(rows.node.checks.every(({ passed }) => passed)).toBe(true);
    const state = zeros([1, 3]);
    state.assign(table().indexSelect(0, indices([4])));
    await expect(state.data()).rejects.toThrow('index 4');
  });

  it('may allow one other value', async () => {
    const labels = indices([0, -100, 1]);
    const range = { op: 'loss', high: 2, except: -100 };
    expect(await checkIndices(labels.eq(0), labels, range).toArray()).toEqual([1, 0, 0]);
    const wrong = indices([0, -100, 2]);
    await expect(checkIndices(wrong.eq(0), wrong, range).data()).rejects.toThrow(
      'loss: index 2 at position [2] of [3] is out of range: it must be from 0 to 1 or -100',
    );
  });

  it('is not checked in compiled functions, unless they are checked', async () => {
    const rows = (index: Tensor): Tensor => table().indexSelect(0, index);
    const index = tensor([1, 4], { dtype: 'i32' });
    expect(await (await compile(rows)(index)).toArray()).toHaveLength(2);
    const checked = compile(rows, { check: true });
    await expect(checked(index)).rejects.toThrow(
      /^indexSelect: index 4 at position \[1\] of \[2\] is out of range: it must be from 0 to 3; made at .*index-check\.test\.ts/,
    );
    expect(await (await checked(tensor([1, 3], { dtype: 'i32' }))).toArray()).toEqual([
      [3, 4, 5],
      [9, 10, 11],
    ]);
  });
});

describe('indices that are known to be in range are not checked', () => {
  beforeEach(() => setDefaultBackend('reference'));
  const checks = (index: Tensor, high = 4): number =>
    checkIndices(index.mul(1).add(0).eq(0), index, { op: 'test', high }).node.checks.length;

  test.each<[string, () => Tensor, number]>([
    ['data from the host', () => tensor([0, 3], { dtype: 'i32' }), 0],
    ['data from the host that are not', () => tensor([0, 4], { dtype: 'i32' }), 1],
    ['views of data', () => tensor([0, 3], { dtype: 'i32' }).reshape(2, 1).expand(2, 5).transpose(), 0],
    ['positions', () => arange(4), 0],
    ['positions in reverse', () => arange(3, -1, -1), 0],
    ['too many positions', () => iota([5]), 1],
    ['argmax', () => table().argmax(0), 0],
    ['argmax of more', () => table().transpose().flatten().argmax(0).reshape(1), 1],
    ['bool', () => tensor([true]).cast('i32'), 0],
    ['u8', () => tensor(Uint8Array.of(1)), 1],
    ['a sum', () => arange(2).add(tensor([0, 2], { dtype: 'i32' })), 0],
    ['a product', () => arange(2).mul(3), 0],
    ['a product that is too large', () => arange(3).mul(2), 1],
    [
      'a concatenation of both',
      () =>
        tensor([1], { dtype: 'i32' })
          .add(0)
          .unsqueeze(0)
          .maximum(tensor([[2]], { dtype: 'i32' })),
      0,
    ],
    ['computed values', () => table().sum(1).cast('i32'), 1],
  ])('%s', (_name, make, expected) => {
    expect(checks(make())).toBe(expected);
  });

  test('a computed argmax is still known', async () => {
    const index = table().argmax(0);
    await index.data();
    expect(rangeOf(index.node)).toEqual([0, 3]);
  });

  test('data that a compiled function replaces are not known', async () => {
    const index = tensor([0, 1], { dtype: 'i32' });
    expect(rangeOf(index.node)).toEqual([0, 1]);
    await compile(() => {
      index.assign(index.add(3));
      return [];
    })();
    expect(rangeOf(index.node)).toBeNull();
    await expect(table().indexSelect(0, index).data()).rejects.toThrow('index 4 at position [1]');
  });
});
