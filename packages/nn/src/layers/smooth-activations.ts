/** Activations that are smooth everywhere. Where the derivative that follows from the formula would lose digits, it is given. */
import { customGradient } from '@tessera/autograd';
import { type Tensor, where, zerosLike } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { pythonFloat, settings } from '../module/print-module.ts';

/** log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). */
const logOnePlusExp = (x: Tensor): Tensor => x.maximum(0).add(x.abs().neg().exp().log1p());

/** log(1 / (1 + exp(-x))), accurate for all x. */
export const logSigmoid: (x: Tensor) => Tensor = customGradient(
  (x: Tensor) => logOnePlusExp(x.neg()).neg(),
  (gradient, [x]) => [gradient.mul(x.neg().sigmoid())],
  'logSigmoid',
);

/** log(1 + exp(beta x)) / beta, a smooth rectifier (Dugas et al. 2001); x where beta x is above `threshold`. */
export function softplus(x: Tensor, beta = 1, threshold = 20): Tensor {
  const compute = customGradient(
    (source: Tensor) => {
      const scaled = source.mul(beta);
      return where(scaled.gt(threshold), source, logOnePlusExp(scaled).div(beta));
    },
    (gradient, [source]) => {
      const scaled = source.mul(beta);
      return [where(scaled.gt(threshold), gradient, gradient.mul(scaled.sigmoid()))];
    },
    'softplus',
  );
  return compute(x);
}

/** From here on, tanh(log(1 + exp(x))) is 1, also in double precision; squares of its exponential are finite. */
const largestExponent = 40;

/** e (e + 2) / (e (e + 2) + 2) with e = exp(x), which is tanh(log(1 + e)): the numerator, and the reciprocal of the denominator. */
function mishParts(x: Tensor): { e: Tensor; numerator: Tensor; reciprocal: Tensor } {
  const e = where(x.gt(largestExponent), largestExponent, x).exp();
  const numerator = e.mul(e.add(2));
  return { e, numerator, reciprocal: numerator.add(2).reciprocal() };
}

/** x tanh(log(1 + exp(x))) (Misra 2019). */
export const mish: (x: Tensor) => Tensor = customGradient(
  (x: Tensor) => {
    const { numerator } = mishParts(x);
    return x.mul(numerator.div(numerator.add(2)));
  },
  (gradient, [x]) => {
    const { e, numerator, reciprocal } = mishParts(x);
    // The slope of the hyperbolic tangent is 4 e (e + 1) / (e (e + 2) + 2)^2, and 0 where it is 1.
    const slope = where(x.gt(largestExponent), 0, e.mul(reciprocal).mul(e.add(1).mul(reciprocal)).mul(4));
    return [gradient.mul(numerator.mul(reciprocal).add(x.mul(slope)))];
  },
  'mish',
);

/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => x.div(x.abs().add(1));

/** The coefficients of x, x^3, x^5, ... in tanh(x), from tanh' = 1 - tanh^2. */
function tanhSeries(count: number): readonly number[] {
  const coefficients = [1];
  for (let n = 1; n < count; n++) {
    const product = coefficients.reduce((sum, c, k) => sum + c * (coefficients[n - 1 - k] ?? 0), 0);
    coefficients.push(-product / (2 * n + 1));
  }
  return coefficients;
}

/** How many terms of the series hold all digits up to 1/2. */
const seriesLength = { f32: 10, f64: 18 } as const;

/** x - tanh(x). Below 1/2, where the difference would lose digits, by the power series. */
export const tanhshrink: (x: Tensor) => Tensor = customGradient(
  (x: Tensor) => {
    const isSmall = x.abs().lt(0.5);
    const small = where(isSmall, x, 0);
    const square = small.square();
    const [, ...tail] = tanhSeries(seriesLength[x.dtype === 'f64' ? 'f64' : 'f32']);
    const sum = tail.reduceRight((rest, c) => rest.mul(square).sub(c), zerosLike(small));
    return where(isSmall, small.mul(square).mul(sum), x.sub(x.tanh()));
  },
  (gradient, [x]) => [gradient.mul(x.tanh().square())],
  'tanhshrink',
);

export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(beta = 1, threshold = 20) {
    super();
    this.beta = beta;
    this.threshold = threshold;
  }

  forward(x: Tensor): Tensor {
    return softplus(x, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return settings({ beta: pythonFloat(this.beta), threshold: pythonFloat(this.threshold) });
  }
}
