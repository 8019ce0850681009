/** What the conformance cases of functions do not cover: errors, and comparisons that read values. */
import { describe, expect, it } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import '../backends/wasm/index.ts';
import { compile } from '../compile.ts';
import { tensor } from '../functions.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { allclose, equal, hypot, isclose } from '../mathematics.ts';
import type { Tensor } from '../tensor.ts';

registerReferenceBackends();
setDefaultBackend('reference');

describe('allclose and equal', () => {
  const x = tensor([1, 2, 3]);

  it('read whether all elements are close', async () => {
    expect(await x.allclose(tensor([1, 2, 3.00001]))).toBe(true);
    expect(await allclose(x, tensor([1, 2, 3.1]))).toBe(false);
    expect(x.allcloseSync(tensor([1, 2, 3.1]), { atol: 0.2 })).toBe(true);
    expect(x.allcloseSync(2, { rtol: 0, atol: 1 })).toBe(true);
    expect(tensor([]).allcloseSync(tensor([]))).toBe(true);
  });

  it('tell NaN from NaN unless told otherwise', () => {
    const y = tensor([Number.NaN, 1]);
    expect(y.allcloseSync(y)).toBe(false);
    expect(y.allcloseSync(y, { equalNan: true })).toBe(true);
    expect(y.equalSync(y)).toBe(false);
  });

  it('compare shapes and values', async () => {
    expect(await x.equal(tensor([1, 2, 3]))).toBe(true);
    expect(await equal(x, tensor([[1, 2, 3]]))).toBe(false);
    expect(x.equalSync(tensor([1, 2, 4]))).toBe(false);
  });

  it('cannot be read inside of a compiled function', async () => {
    await expect(compile((a: Tensor) => (a.allcloseSync(a) ? a : a.neg()))(x)).rejects.toThrow();
  });
});

describe('errors', () => {
  const x = tensor([1, 2]);
  const whole = tensor([1, 2], { dtype: 'i32' });

  it('name the function and what it needs', () => {
    expect(() => x.round({ decimals: 0.5 })).toThrow('round: decimals must be a whole number, got 0.5');
    expect(() => whole.round({ decimals: 1 })).toThrow('round: decimals are for floating-point tensors, got i32');
    expect(() => x.div(2, { roundingMode: 'up' as never })).toThrow(
      "div: roundingMode must be 'trunc' or 'floor', got 'up'",
    );
    expect(() => whole.add(whole, { alpha: 0.5 })).toThrow(
      'add: the factor of i32 tensors must be a whole number, got 0.5',
    );
    expect(() => isclose(x, x, { atol: -1 })).toThrow('isclose: rtol and atol must be at least 0, got 0.00001 and -1');
    expect(() => hypot(x, tensor([1, 2, 3]))).toThrow('hypot');
  });
});

it('factors of u8 stay u8 and wrap around', async () => {
  const y = tensor([5, 1], { dtype: 'u8' }).add(tensor([2, 1], { dtype: 'u8' }), { alpha: -3 });
  expect(y.dtype).toBe('u8');
  expect([...(await y.data())]).toEqual([255, 254]);
});

describe.each(['reference', 'wasm'])('logarithms on %s', (backend) => {
  it.each(['f32', 'f64'] as const)('of whole powers are exact in %s', (dtype) => {
    const exponents = Array.from({ length: 11 }, (_, k) => k);
    const of = (base: number): Tensor =>
      tensor(
        exponents.map((k) => base ** k),
        { dtype, backend },
      );
    expect([...of(10).log10().dataSync()]).toEqual(exponents);
    expect([...of(2).log2().dataSync()]).toEqual(exponents);
  });
});
