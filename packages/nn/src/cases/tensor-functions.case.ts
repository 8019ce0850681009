/** Check cases of functions of tensors without a layer: those that share a domain in one case, one output for each. */
import type { Tensor } from '@tessera/tensor';
import { functionCase, type InputSpec, normal, uniform } from './index.ts';

/** By PyTorch's names. */
const ofOne: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  expm1: (x) => x.expm1(),
  exp2: (x) => x.exp2(),
  log1p: (x) => x.log1p(),
  log2: (x) => x.log2(),
  log10: (x) => x.log10(),
  logit: (x) => x.logit(),
  erfc: (x) => x.erfc(),
  tan: (x) => x.tan(),
  asin: (x) => x.asin(),
  acos: (x) => x.acos(),
  atan: (x) => x.atan(),
  sinh: (x) => x.sinh(),
  cosh: (x) => x.cosh(),
  asinh: (x) => x.asinh(),
  acosh: (x) => x.acosh(),
  atanh: (x) => x.atanh(),
  sinc: (x) => x.sinc(),
  deg2rad: (x) => x.deg2rad(),
  rad2deg: (x) => x.rad2deg(),
  frac: (x) => x.frac(),
  nan_to_num: (x) => x.nanToNum(),
};

const ofTwo: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  atan2: (a, b) => a.atan2(b),
  hypot: (a, b) => a.hypot(b),
  logaddexp: (a, b) => a.logaddexp(b),
  logaddexp2: (a, b) => a.logaddexp2(b),
  copysign: (a, b) => a.copysign(b),
  fmax: (a, b) => a.fmax(b),
  fmin: (a, b) => a.fmin(b),
  fmod: (a, b) => a.fmod(b),
  xlogy: (a, b) => a.xlogy(b),
  lerp: (a, b) => a.lerp(b, b),
  addcmul: (a, b) => a.addcmul(b, b),
  addcdiv: (a, b) => a.addcdiv(a, b),
};

const anyNumber = 'expm1 exp2 erfc atan sinh cosh asinh sinc deg2rad rad2deg frac nan_to_num';
const twoNumbers = 'atan2 hypot logaddexp logaddexp2 copysign fmax fmin fmod';

const checkCase = (name: string, functions: string, inputs: Readonly<Record<string, InputSpec>>) => ({
  name: `tensor-functions-${name}-f64`,
  config: { functions },
  inputs,
  outputs: functions.split(' '),
});

/** The outputs of the functions that the case names. */
const compute = <F>(
  functions: Readonly<Record<string, F>>,
  names: string,
  call: (fn: F) => Tensor,
): Record<string, Tensor> =>
  Object.fromEntries(
    names.split(' ').map((name) => {
      const fn = functions[name];
      if (fn === undefined) throw new Error(`tensor functions: '${name}' is not in the table`);
      return [name, call(fn)];
    }),
  );

const torch = 'tensor_functions.TensorFunctions';

export default [
  functionCase({
    name: 'FunctionsOfOne',
    forward: (_, c, x) => compute(ofOne, c.string('functions'), (fn) => fn(x as Tensor)),
    torch,
    cases: [
      checkCase('any', anyNumber, { x: normal([3, 7]) }),
      checkCase('unit', 'log1p asin acos atanh tan', { x: uniform([3, 5], { low: -0.9, high: 0.9 }) }),
      checkCase('fraction', 'log2 log10 logit', { x: uniform([3, 5], { low: 0.05, high: 0.95 }) }),
      checkCase('above-1', 'acosh', { x: uniform([3, 5], { low: 1.05, high: 4 }) }),
    ],
  }),
  functionCase({
    name: 'FunctionsOfTwo',
    forward: (_, c, x, y) => compute(ofTwo, c.string('functions'), (fn) => fn(x as Tensor, y as Tensor)),
    torch,
    cases: [
      checkCase('two', twoNumbers, { x: normal([3, 7]), y: normal([3, 7]) }),
      checkCase('positive', 'xlogy lerp addcmul addcdiv', {
        x: normal([3, 7]),
        y: uniform([3, 7], { low: 0.2, high: 0.9 }),
      }),
    ],
  }),
];
