/** Tensors as text. The expected texts are PyTorch's, except for the title. */
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import '../backends/wasm/index.ts';
import { compile } from '../compile.ts';
import { showTensorsInDevtools } from '../devtools.ts';
import { arange, full, randn, tensor, zeros } from '../functions.ts';
import { realizedStorage } from '../graph/storage.ts';
import { type Backend, getBackend, setDefaultBackend } from '../kernel/backend.ts';
import type { Tensor } from '../tensor.ts';
import { tidy } from '../tidy.ts';
import { setPrintOptions } from './print-options.ts';

registerReferenceBackends();

afterEach(() => {
  setPrintOptions();
  setDefaultBackend('wasm');
});

/** The lines of what is printed. */
const lines = (value: Tensor): string[] => String(value).split('\n');

describe('values look as PyTorch prints them', () => {
  test.each<[string, Tensor, string]>([
    ['whole numbers', tensor([1, 2, 3]), 'Tensor f32 [3]: [1., 2., 3.]'],
    ['fractions', tensor([1, -2.5, 3]), 'Tensor f32 [3]: [ 1.0000, -2.5000,  3.0000]'],
    ['very different sizes', tensor([1e-5, 1]), 'Tensor f32 [2]: [1.0000e-05, 1.0000e+00]'],
    ['large numbers', tensor([1e9, 2e9]), 'Tensor f32 [2]: [1.0000e+09, 2.0000e+09]'],
    ['special numbers', tensor([Number.NaN, Infinity, -Infinity, 1]), 'Tensor f32 [4]: [ nan,  inf, -inf,   1.]'],
    ['negative zero', tensor([-0, 1.5]), 'Tensor f32 [2]: [-0.0000,  1.5000]'],
    ['a tie rounds to even', tensor([0.03125, 0.09375]), 'Tensor f32 [2]: [0.0312, 0.0938]'],
    ['integers', tensor([1, -20], { dtype: 'i32' }), 'Tensor i32 [2]: [  1, -20]'],
    ['truth values', tensor([true, false]), 'Tensor bool [2]: [ true, false]'],
    ['half precision', tensor([1.5], { dtype: 'f16' }), 'Tensor f16 [1]: [1.5000]'],
    ['double precision', tensor([0.1], { dtype: 'f64' }), 'Tensor f64 [1]: [0.1000]'],
    ['a scalar', tensor(Math.PI), 'Tensor f32 []: 3.1416'],
    ['no elements', zeros([0, 3]), 'Tensor f32 [0, 3]: []'],
  ])('%s', (_, value, expected) => {
    expect(String(value)).toBe(expected);
  });

  test('nested brackets, with empty lines between matrices', () => {
    expect(lines(arange(8).reshape(2, 2, 2).div(4))).toEqual([
      'Tensor f32 [2, 2, 2]:',
      '[[[0.0000, 0.2500],',
      '  [0.5000, 0.7500]],',
      '',
      ' [[1.0000, 1.2500],',
      '  [1.5000, 1.7500]]]',
    ]);
  });

  test('long rows continue on the next line', () => {
    expect(lines(arange(30))).toEqual([
      'Tensor i32 [30]:',
      '[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,',
      ' 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]',
    ]);
  });

  test('more than 1000 elements are abbreviated, stored or not', async () => {
    const expected = [
      'Tensor f32 [100, 20]:',
      '[[1000., 1001., 1002.,  ..., 1017., 1018., 1019.],',
      ' [1020., 1021., 1022.,  ..., 1037., 1038., 1039.],',
      ' [1040., 1041., 1042.,  ..., 1057., 1058., 1059.],',
      ' ...,',
      ' [2940., 2941., 2942.,  ..., 2957., 2958., 2959.],',
      ' [2960., 2961., 2962.,  ..., 2977., 2978., 2979.],',
      ' [2980., 2981., 2982.,  ..., 2997., 2998., 2999.]]',
    ];
    const make = (): Tensor => arange(1000, 3000).cast('f32').reshape(100, 20);
    const value = make();
    expect(lines(value)).toEqual(expected);
    expect((await value.describe()).split('\n')).toEqual(expected);
    expect(lines(await value.realize())).toEqual(expected);
    setDefaultBackend('reference');
    expect(lines(make())).toEqual(expected);
  });

  test('a row that is abbreviated and still too long continues on the next line', () => {
    setPrintOptions({ threshold: 10 });
    expect(lines(arange(2000).cast('f32'))).toEqual([
      'Tensor f32 [2000]:',
      '[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.9970e+03, 1.9980e+03,',
      ' 1.9990e+03]',
    ]);
  });

  test('options change digits, ends and exponents', () => {
    setPrintOptions({ precision: 2, threshold: 5, edgeItems: 1 });
    expect(String(tensor([1.234, 2, 3, 4, 5, 6]))).toBe('Tensor f32 [6]: [1.23,  ..., 6.00]');
    setPrintOptions({ sciMode: true });
    expect(String(tensor([1.5]))).toBe('Tensor f32 [1]: [1.5000e+00]');
    setPrintOptions({ sciMode: false });
    expect(String(tensor([1e30, 0.5]))).toBe(
      'Tensor f32 [2]:\n[1000000015047466219876688855040.0000,                               0.5000]',
    );
    expect(() => setPrintOptions({ edgeItems: 0 })).toThrow('edgeItems must be a whole number of at least 1, got 0');
  });
});

describe('console.log', () => {
  test('shows the same, indented inside of objects, and the title alone where it is nested too deeply', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(inspect(x)).toBe(String(x));
    expect(inspect({ x })).toBe('{\n  x: Tensor f32 [2, 2]:\n  [[1., 2.],\n   [3., 4.]]\n}');
    expect(inspect({ a: { b: { c: { d: x } } } }, { depth: 3 })).toContain('[Tensor f32 [2, 2]]');
  });

  test('name and requiresGrad are part of the title', () => {
    const weight = tensor([1.5], { requiresGrad: true });
    weight.name = 'layer.weight';
    expect(inspect(weight)).toBe("Tensor 'layer.weight' f32 [1] requiresGrad: [1.5000]");
  });

  test('developer tools get the same text in two parts', () => {
    const remove = showTensorsInDevtools();
    const [formatter] =
      (globalThis as { devtoolsFormatters?: { header(value: unknown): unknown; body(value: unknown): unknown }[] })
        .devtoolsFormatters ?? [];
    const x = tensor([[1], [2]]);
    expect(formatter?.header(x)).toEqual(['span', {}, 'Tensor f32 [2, 1]:']);
    expect(formatter?.body(x)).toEqual(['pre', {}, '[[1.],\n [2.]]']);
    expect(formatter?.header({})).toBeNull();
    remove();
    expect((globalThis as { devtoolsFormatters?: unknown[] }).devtoolsFormatters).toEqual([]);
  });
});

describe('printing disturbs nothing', () => {
  test('what is quick to compute is computed, but not kept', () => {
    const y = tensor([1, 2]).mul(3);
    expect(String(y)).toBe('Tensor f32 [2]: [3., 6.]');
    expect(realizedStorage(y.node)).toBeUndefined();
  });

  test('the ends of a large value are quick if its elements are independent', () => {
    const x = zeros([4000, 4000]).add(arange(4000));
    expect(lines(x.transpose().mul(2))[1]).toBe('[[0.0000e+00, 0.0000e+00, 0.0000e+00,  ..., 0.0000e+00, 0.0000e+00,');
  });

  test('what takes long is not computed', () => {
    const x = randn([512, 512]);
    expect(String(x.matmul(x).matmul(x))).toBe('Tensor f32 [512, 512] (not computed yet)');
  });

  test('a long chain is not walked', () => {
    let x = tensor([1]);
    for (let k = 0; k < 5000; k++) x = x.add(1);
    expect(String(x)).toBe('Tensor f32 [1] (not computed yet)');
  });

  test('assigned state shows its new value', () => {
    const state = zeros([2]);
    state.assign(tensor([1, 2]).add(1));
    expect(String(state)).toBe('Tensor f32 [2]: [2., 3.]');
  });

  test('while a function is recorded, only stored values are shown', async () => {
    const seen: string[] = [];
    const stored = await tensor([1, 2]).add(1).realize();
    const f = compile((x: Tensor) => {
      seen.push(...[stored, full([2], 7), x, x.add(stored), stored.add(1)].map(String));
      return x.add(stored);
    });
    const recorded = 'Tensor f32 [2] (not computed yet: a compiled function is being recorded)';
    expect(await (await f(tensor([1, 1]))).toArray()).toEqual([3, 4]);
    expect(seen).toEqual(['Tensor f32 [2]: [2., 3.]', 'Tensor f32 [2]: [7., 7.]', recorded, recorded, recorded]);
  });

  test('a value that was released says so', () => {
    let inner = zeros([2]);
    tidy(() => {
      inner = tensor([1, 2]).realizeSync();
    });
    expect(String(inner)).toBe(
      'Tensor f32 [2] (no values: this value was released: it was created inside tidy() and not returned from it)',
    );
  });

  test('only the ends of a stored value are read', async () => {
    const x = await arange(1_000_000).add(1).realize();
    const backend = getBackend() as Backend & { readSync: NonNullable<Backend['readSync']> };
    const original = backend.readSync;
    let elements = 0;
    backend.readSync = function (allocation, dtype, length, start) {
      elements += length;
      return original.call(this, allocation, dtype, length, start);
    };
    try {
      expect(String(x)).toContain('[      1,       2,       3,  ...,  999998,  999999, 1000000]');
    } finally {
      backend.readSync = original;
    }
    expect(elements).toBe(6);
  });

  test('a backend that cannot be read at once says what to do, and an error is part of the text', async () => {
    const x = await tensor([1, 2]).add(1).realize();
    const backend = getBackend() as { readSync?: Backend['readSync'] };
    const original = backend.readSync;
    try {
      backend.readSync = undefined;
      expect(String(x)).toBe('Tensor f32 [2] (on wasm: await describe() reads the values)');
      backend.readSync = () => {
        throw new Error('the device was lost');
      };
      expect(String(x)).toBe('Tensor f32 [2] (no values: the device was lost)');
    } finally {
      backend.readSync = original;
    }
    expect(await x.describe()).toBe('Tensor f32 [2]: [2., 3.]');
  });
});
