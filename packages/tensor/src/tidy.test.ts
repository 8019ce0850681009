/** Scopes of `tidy`, on a backend that counts its memory. */
import { beforeEach, expect, test } from 'vitest';
import { ReferenceBackend } from './backends/reference/backend.ts';
import { bernoulli, rand, tensor, zeros } from './functions.ts';
import { registerBackend, setDefaultBackend } from './kernel/backend.ts';
import { withRecording } from './runtime/recording.ts';
import type { Tensor } from './tensor.ts';
import { tidy } from './tidy.ts';

let backend: ReferenceBackend;
let count = 0;
const used = (): number => backend.memory().used;
const released = 'this value was released: it was created inside tidy() and not returned from it';

beforeEach(() => {
  const name = `tidy ${count++}`;
  registerBackend(name, () => {
    backend = new ReferenceBackend(name, {});
    return backend;
  });
  setDefaultBackend(name);
});

test('values that are not returned are freed', () => {
  let lost: Tensor | undefined;
  let computed: Tensor | undefined;
  const kept = tidy(() => {
    lost = tensor([1, 2, 3, 4]);
    computed = lost.add(1).realizeSync();
    return tensor([5, 6]);
  });
  expect(used()).toBe(8);
  expect(kept.toArraySync()).toEqual([5, 6]);
  expect(() => lost?.dataSync()).toThrow(released);
  expect(() => computed?.dataSync()).toThrow(released);
});

test('what the result is computed from is kept, in arrays, maps and objects', () => {
  const results = tidy(() => {
    const x = tensor([1, 2]);
    const realized = x.mul(3).realizeSync();
    return { list: [x.add(1)], map: new Map([['y', realized]]), nothing: null, text: 'y' };
  });
  expect(results.list[0]?.toArraySync()).toEqual([2, 3]);
  expect(results.map.get('y')?.toArraySync()).toEqual([3, 6]);
  expect(results.map.get('y')?.add(1).toArraySync()).toEqual([4, 7]);
});

test('a stored detached result keeps only itself', () => {
  const result = tidy(() => tensor([1, 2]).mul(3).sum().detach().realizeSync());
  expect(used()).toBe(4);
  expect(result.itemSync()).toBe(9);
});

test('values of tensors from outside survive, wherever they are computed', () => {
  const x = tensor([1, 2]);
  const y = x.mul(2);
  tidy(() => {
    tidy(() => y.realizeSync());
  });
  expect(used()).toBe(16);
  expect(y.toArraySync()).toEqual([2, 4]);
  const z = tidy(() => {
    const inside = x.add(1);
    tidy(() => {
      inside.realizeSync();
    });
    return inside.toArraySync();
  });
  expect(z).toEqual([2, 3]);
  expect(used()).toBe(16);
});

test('a loop that hands its value on keeps one value', () => {
  let x = tensor([1, 2]);
  for (let turn = 0; turn < 5; turn++) {
    const before = x;
    x = tidy(() => before.mul(2).realizeSync());
    expect(used()).toBe(8 * (turn + 2));
  }
  expect(x.toArraySync()).toEqual([32, 64]);
});

test('assigned state is kept, computed or not', () => {
  const early = zeros([2]);
  const late = zeros([2]);
  tidy(() => {
    early.assign(early.add(tensor([1, 2])));
    early.realizeSync();
    late.assign(late.add(tensor([3, 4])));
  });
  expect(early.toArraySync()).toEqual([1, 2]);
  expect(late.toArraySync()).toEqual([3, 4]);
  late.assign(late.add(1));
  expect(late.toArraySync()).toEqual([4, 5]);
});

test('scopes nest: what the inner scope returns belongs to the outer one', () => {
  const result = tidy(() => {
    const [a, b] = tidy(() => [tensor([1]), tensor([2])] as const);
    expect(used()).toBe(8);
    return a.add(b);
  });
  expect(result.itemSync()).toBe(3);
  tidy(() => {
    tidy(() => tensor([1, 2, 3]));
    expect(used()).toBe(24);
  });
  expect(used()).toBe(12);
});

test('asynchronous scopes may overlap', async () => {
  const inside = (value: number) =>
    tidy(async () => {
      const x = tensor([value]);
      const y = x.mul(10);
      await new Promise((resolve) => setTimeout(resolve, 5 * value));
      return y.item();
    });
  const outside = tensor([7]);
  expect(await Promise.all([inside(2), inside(1)])).toEqual([20, 10]);
  expect(used()).toBe(4);
  expect(outside.itemSync()).toBe(7);
});

test('an error frees everything', async () => {
  const fail = (): never => {
    tensor([1, 2, 3]);
    throw new Error('stopped');
  };
  expect(() => tidy(fail)).toThrow('stopped');
  await expect(tidy(async () => fail())).rejects.toThrow('stopped');
  expect(used()).toBe(0);
});

test("the random generator's key is not part of a scope", () => {
  tidy(() => rand([2]).realizeSync());
  expect(() => bernoulli([3], 0.5).dataSync()).not.toThrow();
});

test('gradients of returned tensors are kept', () => {
  const weight = tidy(() => {
    const x = tensor([1]);
    x.grad = tensor([2]);
    return x;
  });
  expect(weight.grad?.itemSync()).toBe(2);
});

test('what is recorded belongs to the compiled program', () => {
  const constant = tidy(() => withRecording({ assigned: () => {} }, () => [tidy(() => tensor([4]))]));
  let recorded: Tensor | undefined;
  tidy(() => {
    withRecording({ assigned: () => {} }, () => {
      recorded = tidy(() => tensor([5]));
    });
  });
  expect(constant[0]?.itemSync()).toBe(4);
  expect(recorded?.itemSync()).toBe(5);
});
