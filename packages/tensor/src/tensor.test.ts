/** Tensors: data, error messages, state, gradients, recording. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { registerReferenceBackends } from './backends/reference/backend.ts';
import {
  arange,
  concat,
  einsum,
  full,
  linspace,
  noGrad,
  ones,
  randint,
  randn,
  stack,
  tensor,
  tril,
  where,
  zeros,
  zerosLike,
} from './functions.ts';
import type { Storage } from './graph/storage.ts';
import { setDefaultBackend } from './kernel/backend.ts';
import { withRecording } from './runtime/recording.ts';
import { isTensor, leafOwner, Tensor } from './tensor.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

describe('data', () => {
  test.each([
    { data: 3, dtype: 'f32', shape: [], values: [3] },
    { data: true, dtype: 'bool', shape: [], values: [1] },
    { data: [[1, 2, 3]], dtype: 'f32', shape: [1, 3], values: [1, 2, 3] },
    { data: [[true], [false]], dtype: 'bool', shape: [2, 1], values: [1, 0] },
    { data: [], dtype: 'f32', shape: [0], values: [] },
    { data: [[], []], dtype: 'f32', shape: [2, 0], values: [] },
    { data: Float64Array.of(0.1), dtype: 'f64', shape: [1], values: [0.1] },
    { data: Int32Array.of(-1, 2), dtype: 'i32', shape: [2], values: [-1, 2] },
    { data: Uint8Array.of(255), dtype: 'u8', shape: [1], values: [255] },
  ])('$data is $dtype $shape', async ({ data, dtype, shape, values }) => {
    const t = tensor(data as number);
    expect([t.dtype, t.shape, t.ndim, t.size]).toEqual([dtype, shape, shape.length, values.length]);
    expect([...(await t.data())]).toEqual(values);
  });

  test('dtype and shape can be passed', async () => {
    const t = tensor([1.7, -2.2, 0, 5], { dtype: 'i32', shape: [2, 2] });
    expect(t.dtype).toBe('i32');
    expect(await t.toArray()).toEqual([
      [1, -2],
      [0, 5],
    ]);
    expect([...(await tensor([0, 0.5, 3], { dtype: 'bool' }).data())]).toEqual([0, 1, 1]);
    expect(await tensor(Uint8Array.of(7), { dtype: 'f32' }).data()).toEqual(Float32Array.of(7));
  });

  test('data are copied, in and out', async () => {
    const data = Float32Array.of(1, 2);
    const t = tensor(data);
    data[0] = 9;
    const read = await t.data();
    expect([...read]).toEqual([1, 2]);
    read[1] = 9;
    expect([...(await t.data())]).toEqual([1, 2]);
  });

  test('values are read as nested arrays, as numbers, and synchronously', async () => {
    const t = tensor([[[1], [2]]]);
    expect(await t.toArray()).toEqual([[[1], [2]]]);
    expect(t.toArraySync()).toEqual([[[1], [2]]]);
    expect(await tensor(2.5).toArray()).toBe(2.5);
    expect(await t.sum().item()).toBe(3);
    expect(t.max().itemSync()).toBe(2);
    expect(t.dataSync()).toEqual(Float32Array.of(1, 2));
  });
});

describe('error messages name what does not fit', () => {
  const a = () => zeros([4, 7]);
  const i = () => zeros([2], { dtype: 'i32' });
  const cases: [string, () => unknown][] = [
    ['matmul: [4, 7] x [5, 3]: inner sizes 7 and 5 differ', () => a().matmul(zeros([5, 3]))],
    ['matmul: [7] x [3]: inner sizes 7 and 3 differ', () => zeros([7]).matmul(zeros([3]))],
    [
      'matmul: [2, 4, 7] x [3, 7, 1]: leading sizes [2] and [3] do not broadcast',
      () => zeros([2, 4, 7]).matmul(zeros([3, 7, 1])),
    ],
    ['matmul: [] x [7, 3]: a scalar has no axis to sum over; use mul', () => zeros([]).matmul(zeros([7, 3]))],
    [
      'matmul: needs floating-point tensors, or integers only, got i32 [2] and f32 [2]; cast first',
      () => i().matmul(zeros([2])),
    ],
    ['add: shapes [4, 7] and [5, 7] do not broadcast: sizes 4 and 5 differ', () => a().add(zeros([5, 7]))],
    ['sum: axis 2 is out of range for a tensor of 2 dimensions', () => a().sum(2)],
    ['mean: axes [0, -2] name an axis twice', () => a().mean([0, -2])],
    ['max: no elements to choose from: shape [2, 0], axes [1]', () => zeros([2, 0]).max(1)],
    ['argmax: no elements to choose from: shape [2, 0], axis 1', () => zeros([2, 0]).argmax(-1)],
    ['reshape: [4, 7] has 28 elements, [5, 6] would have 30', () => a().reshape(5, 6)],
    ['reshape: the 28 elements of [4, 7] do not fit [-1, 5]', () => a().reshape(-1, 5)],
    ['reshape: only one size may be -1, got [-1, -1]', () => a().reshape(-1, -1)],
    ['reshape: the 0 elements of [0, 3] do not fit [-1, 0]', () => zeros([0, 3]).reshape(-1, 0)],
    ['permute: [0] names 1 axes of a tensor of shape [4, 7]', () => a().permute(0)],
    ['permute: axes [1, 1] do not name distinct axes of a tensor of shape [4, 7]', () => a().permute(1, -1)],
    ['transpose: axis -3 is out of range for a tensor of 2 dimensions', () => a().transpose(-3, 0)],
    ['expand: [4, 7] does not broadcast to [2, 5, 7]: sizes 4 and 5 differ', () => a().expand(2, 5, 7)],
    ['expand: -1 in [-1, 4, 7] keeps a size, but [4, 7] has none there', () => a().expand(-1, 4, 7)],
    ['broadcastTo: [4, 7] does not broadcast to [7]: it has more dimensions', () => a().broadcastTo(7)],
    ['flatten: axis 1 comes after axis 0 in [4, 7]', () => a().flatten(1, 0)],
    ['unflatten: axis 1 of [4, 7] does not split into [2, 3]', () => a().unflatten(1, [2, 3])],
    ['unflatten: axis 1 of [4, 7] does not split into [2, -1]', () => a().unflatten(1, [2, -1])],
    ['pad: [4, 7] needs 2 pairs [before, after], got 1', () => a().pad([[1, 1]])],
    ['select: index 7 is out of range for axis 1 of [4, 7]', () => a().select(1, 7)],
    ['split: sizes [3, 3] sum to 6, axis 1 of [4, 7] has 7', () => a().split([3, 3], 1)],
    ['split: the size must be at least 1, got 0', () => a().split(0)],
    ['chunk: the count must be at least 1, got 0', () => a().chunk(0)],
    ['repeat: [2] has fewer counts than [4, 7] has dimensions', () => a().repeat(2)],
    ['concat: needs at least one tensor', () => concat([])],
    ['concat: f32 [4, 7] and f32 [4, 6] differ in more than axis 0', () => concat([a(), zeros([4, 6])])],
    ['stack: shapes [4, 7] and [4] differ', () => stack([a(), zeros([4])])],
    ['indexSelect: the index must be of integers, got f32 [2]', () => a().indexSelect(0, zeros([2]))],
    [
      'takeAlongAxis: index [3, 1] must agree with [4, 7] except on axis 1',
      () => a().takeAlongAxis(1, zeros([3, 1], { dtype: 'i32' })),
    ],
    ['bitAnd: needs integers, got f32', () => a().bitAnd(1)],
    ['sub: is not defined for bool; cast first', () => a().gt(0).sub(a().gt(1))],
    ['neg: is not defined for bool; use logicalNot', () => a().gt(0).neg()],
    ['clamp: needs min, max or both', () => a().clamp()],
    ['item: needs a tensor of one element, this one is [4, 7]', () => a().itemSync()],
    ["einsum: 'ij,jk': names 2 operands, got 1", () => einsum('ij,jk', a())],
    ["einsum: 'ijk->i': 'ijk' names 3 axes of a tensor of shape [4, 7]", () => einsum('ijk->i', a())],
    ["einsum: 'ij,jk->ik': 'j' is 7 in [4, 7] and 4 in [4, 7]", () => einsum('ij,jk->ik', a(), a())],
    ["einsum: 'ii->i': 'i' is 4 and 7 in [4, 7]", () => einsum('ii->i', a())],
    ["einsum: 'ij->ik': 'k' is only in the output", () => einsum('ij->ik', a())],
    [
      "einsum: 'i.j': is not of the form 'ij,jk->ik' with one letter for each axis, and at most one '...' for each operand",
      () => einsum('i.j', a()),
    ],
    ['einsum: needs at least one operand', () => einsum('i')],
    ['arange: needs finite numbers and a step other than 0, got 0, 3, 0', () => arange(0, 3, 0)],
    ['linspace: steps must be an integer of at least 0, got 2.5', () => linspace(0, 1, 2.5)],
    ['arange: from 0 in steps of 2 never reaches -3: the step has the wrong sign', () => arange(0, -3, 2)],
    [
      "tensor: the dtype must be one of bool, u8, i32, f16, bf16, f32, f64, got 'float32'; use 'f32'",
      () => tensor([1], { dtype: 'float32' as never }),
    ],
    [
      "zeros: the dtype must be one of bool, u8, i32, f16, bf16, f32, f64, got 'int64'; use 'i32'",
      () => zeros([1], { dtype: 'int64' as never }),
    ],
    [
      "cast: the dtype must be one of bool, u8, i32, f16, bf16, f32, f64, got 'long double'",
      () => a().cast('long double' as never),
    ],
    ['randn: the shape must be an array of sizes, such as [2, 3], got 2', () => randn(2 as never, 3 as never)],
    ['full: the value must be a number, got a string', () => full([2], 'a' as never)],
    ['ones: the shape must be an array of sizes, such as [2, 3], got 4', () => ones(4 as never)],
    ['concat: tensor 1: expected a tensor, got nothing', () => concat([a(), null as never])],
    ['stack: expected an array of tensors', () => stack(a() as never)],
    ['matmul: expected a tensor, got nothing', () => a().matmul(undefined as never)],
    [
      'add: expected a tensor or a number, got an array; make a tensor of it with tensor(...)',
      () => a().add([1, 2] as never),
    ],
    ['maximum: expected a tensor or a number, got a string', () => a().maximum('1' as never)],
    ['where: expected a tensor, got true', () => where(true as never, a(), 0)],
    ['tril: needs at least two dimensions, got [3]', () => tril(zeros([3]))],
    ['full: [2, -1] is not a valid shape: sizes must be integers of at least 0', () => full([2, -1], 0)],
    ['randint: needs integers low < high, less than 2^31 apart, got [3, 3]', () => randint([2], 3, 3)],
    ['tensor: expected 2 elements at depth 1, got 1 elements', () => tensor([[1, 2], [3]])],
    ['tensor: expected 1 elements at depth 1, got number', () => tensor([[1], 2])],
    ['tensor: expected a number at depth 1, got 1 elements', () => tensor([1, [2]])],
    ['tensor: 3 elements do not fill the shape [2, 2]', () => tensor([1, 2, 3], { shape: [2, 2] })],
    [
      'requiresGrad: only floating-point tensors have gradients, this one is i32',
      () => tensor(Int32Array.of(1), { requiresGrad: true }),
    ],
    ['assign: shape [7] does not fit [4, 7]', () => a().assign(zeros([7]))],
    ['assign: dtype f32 does not fit i32; cast the value', () => i().assign(zeros([2]))],
    ['Tensor f32 [4, 7]: operators do not work on tensors; use methods, as in a.add(b)', () => Number(a()) + 1],
    ['noGrad: the function must not be asynchronous; await values after it', () => noGrad(async () => 1)],
    ["unknown backend 'cuda'; registered are reference, reference-kernels", () => tensor(1, { backend: 'cuda' })],
  ];
  test.each(cases)('%s', (message, act) => {
    expect(act).toThrow(expect.objectContaining({ message }));
  });
});

describe('state', () => {
  test('assign: values computed before keep the old value, later ones use the new value', async () => {
    const state = tensor([1, 2]);
    const before = state.mul(10);
    expect(state.assign(state.add(1))).toBe(state);
    const after = state.mul(10);
    expect(await after.toArray()).toEqual([20, 30]);
    expect(await before.toArray()).toEqual([10, 20]);
    expect(await state.toArray()).toEqual([2, 3]);
  });

  test('two states can be exchanged', async () => {
    const [a, b] = [tensor([1]), tensor([2])];
    const [oldA, oldB] = [Tensor.fromNode(a.node), Tensor.fromNode(b.node)];
    a.assign(oldB);
    b.assign(oldA);
    expect([await a.item(), await b.item()]).toEqual([2, 1]);
  });

  test('several states may take the same value', async () => {
    const [a, b, value] = [zeros([2]), tensor([5, 6]), tensor([1, 2]).add(1)];
    a.assign(value);
    b.assign(value);
    expect([await value.toArray(), await a.toArray(), await b.toArray()]).toEqual([
      [2, 3],
      [2, 3],
      [2, 3],
    ]);
  });

  test('a name appears in messages', () => {
    const weight = zeros([2]);
    weight.name = 'layer.weight';
    expect(String(weight)).toBe("Tensor 'layer.weight' f32 [2]: [0., 0.]");
    expect(() => weight.assign(zeros([3]))).toThrow('assign to layer.weight: shape [3] does not fit [2]');
  });
});

describe('gradients', () => {
  test('a tensor that requires a gradient is found from its node, also after assign', () => {
    const weight = tensor([1], { requiresGrad: true });
    expect(leafOwner(weight.node)).toBe(weight);
    const old = weight.node;
    weight.assign(tensor([2]));
    expect(leafOwner(weight.node)).toBe(weight);
    expect(leafOwner(old)).toBeUndefined();
    weight.requiresGrad = false;
    expect(leafOwner(weight.node)).toBeUndefined();
  });

  test('a constant that requires a gradient is not folded away', async () => {
    const bias = zeros([2], { requiresGrad: true });
    const sum = tensor([1, 2]).add(bias);
    expect(sum.node.sources).toContain(bias.node);
    expect(await sum.toArray()).toEqual([1, 2]);
  });

  test('nodes made under noGrad are marked', () => {
    const x = tensor([1]);
    expect(noGrad(() => x.exp()).node.differentiable).toBe(false);
    expect(x.exp().node.differentiable).toBe(true);
  });

  test('detach of a stored value does not keep its graph', async () => {
    const x = tensor([1, 2]).exp();
    expect(x.detach().node.op).toBe('detach');
    await x.realize();
    expect(x.detach().node.op).toBe('buffer');
    expect(await x.detach().toArray()).toEqual(await x.toArray());
  });
});

describe('recording', () => {
  const assigned: [unknown, Storage][] = [];
  const recorder = { assigned: (cell: unknown, storage: Storage) => void assigned.push([cell, storage]) };
  const refusal =
    'a value cannot be read while a compiled function is recorded: return the tensor from the function instead';
  afterEach(() => {
    assigned.length = 0;
  });

  test('values cannot be read', async () => {
    const x = ones([1]);
    for (const read of [() => x.itemSync(), () => x.realizeSync()])
      expect(() => withRecording<unknown>(recorder, read)).toThrow(refusal);
    // The recording fails also where nobody waits for the promise that was refused.
    for (const read of [() => x.item(), () => x.data(), () => x.toArray(), () => x.realize()]) {
      let pending: Promise<unknown> = Promise.resolve();
      const reading = (): void => {
        pending = read();
      };
      expect(() => withRecording(recorder, reading)).toThrow(refusal);
      await expect(pending).rejects.toThrow(refusal);
    }
    expect(await x.item()).toBe(1);
  });

  test('assignments are reported and not computed', async () => {
    const state = tensor([1]);
    const old = state.node;
    withRecording(recorder, () => state.assign(state.add(1)));
    expect(assigned).toEqual([[state, expect.anything()]]);
    const [[, storage]] = assigned as [[unknown, Storage]];
    await zerosLike(state).add(5).data();
    expect(storage.pending).not.toBeNull();
    expect(state.node).not.toBe(old);
  });
});

test('isTensor', () => {
  expect([isTensor(ones([1])), isTensor({}), isTensor(null)]).toEqual([true, false, false]);
});
