/** The functions of Math in kernel functions, against JavaScript's own, on every backend without a GPU. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { disposeBackends, openBackend, setDefaultBackend } from '../kernel/backend.ts';
import { nth } from '../kernel/nth.ts';
import '../backends/gpujs/index.ts';
import '../backends/wasm/index.ts';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { tensor } from '../functions.ts';
import { kernelFunction } from '../kernel-function.ts';
import type { Tensor } from '../tensor.ts';
import { unaryMath } from './mathematics.ts';

registerReferenceBackends();
afterAll(disposeBackends);

const inputs = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  -1.5,
  2.5,
  0.25,
  -0.3,
  1e-10,
  -2e-5,
  3.7,
  20,
  -20,
  Number.POSITIVE_INFINITY,
  Number.NaN,
];
/** Half of a unit below 1/2, where x + 1/2 would be rounded to 1. */
const toRound = [...inputs, 0.49999997, 8388609];

/** Evaluates an expression of `a` and `b` for each element. */
function evaluate(expression: string, a: readonly number[], b: readonly number[] = a): Tensor {
  const kernel = new Function('a', 'b', `return ${expression};`) as (a: number[], b: number[]) => number;
  const operation = kernelFunction({ name: expression, output: [a.length], kernel: kernel as never });
  return operation(tensor(a), tensor(b)) as Tensor;
}

async function expectEqual(actual: Tensor, wanted: readonly number[], what: string): Promise<void> {
  const values = await actual.data();
  for (const [k, value] of wanted.entries()) {
    const found = nth(values, k);
    const same = Number.isNaN(value)
      ? Number.isNaN(found)
      : found === value || Math.abs(found - value) <= 1e-6 * Math.abs(value);
    expect(same, `${what} [${k}] is ${found}, in JavaScript ${value}`).toBe(true);
  }
}

describe.each(['reference', 'reference-kernels', 'wasm', 'gpujs:webasm', 'gpujs:cpu'])('Math on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
    setDefaultBackend(backend);
  });

  test.each(Object.keys(unaryMath))('%s', async (name) => {
    const fn = (Math as unknown as Record<string, (x: number) => number>)[name] as (x: number) => number;
    const x = (name === 'round' ? toRound : inputs).filter(
      (v) => Number.isFinite(v) || !['sin', 'cos', 'tan'].includes(name),
    );
    await expectEqual(
      evaluate(`Math.${name}(a[this.thread.x])`, x),
      x.map((v) => fn(Math.fround(v))),
      name,
    );
  });

  it('atan2 and hypot', async () => {
    const [y, x] = [inputs.flatMap((v) => inputs.map(() => v)), inputs.flatMap(() => inputs)];
    const [p, q] = ['a[this.thread.x]', 'b[this.thread.x]'];
    const wanted = (fn: (a: number, b: number) => number): number[] =>
      y.map((v, k) => fn(Math.fround(v), Math.fround(nth(x, k))));
    await expectEqual(evaluate(`Math.atan2(${p}, ${q})`, y, x), wanted(Math.atan2), 'atan2');
    await expectEqual(evaluate(`Math.hypot(${p}, ${q})`, y, x), wanted(Math.hypot), 'hypot');
    const ofThree = wanted((a, b) => Math.hypot(a, b, 2));
    await expectEqual(evaluate(`Math.hypot(${p}, ${q}, 2)`, y, x), ofThree, 'hypot of three');
  });

  it('% has the sign of the dividend and is exact', async () => {
    const [a, b] = [
      [41, -41, 7.5, -7.5, 1e10, 5],
      [41, 7, 2, 2, 3, 0],
    ];
    const wanted = a.map((v, k) => Math.fround(v) % nth(b, k));
    await expectEqual(evaluate('a[this.thread.x] % b[this.thread.x]', a, b), wanted, '%');
  });
});
