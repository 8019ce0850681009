/** Activations of straight pieces. At their corners they have the slopes that PyTorch chooses. */
import { customGradient } from '@tessera/autograd';
import { isFloat, type Tensor, where } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { pythonFloat, settings } from '../module/print-module.ts';

/** A function whose slope is 1 where `rises` holds, and 0 elsewhere, also for NaN. */
const withSlopeWhere = (
  name: string,
  compute: (x: Tensor) => Tensor,
  rises: (x: Tensor) => Tensor,
): ((x: Tensor) => Tensor) => customGradient(compute, (gradient, [x]) => [where(rises(x), gradient, 0)], name);

/** x between the bounds, the nearer bound elsewhere. NaN for NaN. */
const between = (name: string, lower: number, upper: number): ((x: Tensor) => Tensor) =>
  withSlopeWhere(
    name,
    (x) => where(x.le(lower), lower, where(x.ge(upper), upper, x)),
    (x) => x.gt(lower).logicalAnd(x.lt(upper)),
  );

/** x between `minVal` and `maxVal`, the nearer bound outside; at the bounds the slope is 0. Of integers, bounds are cut to integers. */
export function hardtanh(x: Tensor, minVal = -1, maxVal = 1): Tensor {
  if (!(minVal <= maxVal)) throw new RangeError(`hardtanh: minVal ${minVal} must not be greater than maxVal ${maxVal}`);
  return isFloat(x.dtype)
    ? between('hardtanh', minVal, maxVal)(x)
    : x.clamp(Math.trunc(minVal), Math.trunc(maxVal)).cast(x.dtype);
}

/** min(max(x, 0), 6) (Howard et al. 2017). */
export const relu6: (x: Tensor) => Tensor = between('relu6', 0, 6);

/** min(max(x + 3, 0), 6) / 6: a sigmoid of straight pieces (Howard et al. 2019). */
export const hardsigmoid = (x: Tensor): Tensor => relu6(x.add(3)).div(6);

/** x hardsigmoid(x) (Howard et al. 2019). At -3 the slope is 0, at 3 it is 1. */
export const hardswish: (x: Tensor) => Tensor = customGradient(
  (x: Tensor) => x.mul(x.add(3).clamp(0, 6)).div(6),
  (gradient, [x]) => [gradient.mul(where(x.le(-3), 0, where(x.ge(3), 1, x.div(3).add(0.5))))],
  'hardswish',
);

/** x above `threshold`, `value` elsewhere; NaN for NaN. */
export const threshold = (x: Tensor, threshold: number, value: number): Tensor => where(x.le(threshold), value, x);

/** x where |x| > lambd, 0 elsewhere; NaN for NaN. */
export const hardshrink = (x: Tensor, lambd = 0.5): Tensor =>
  withSlopeWhere(
    'hardshrink',
    (source) => where(source.abs().le(lambd), 0, source),
    (source) => source.abs().gt(lambd),
  )(x);

/** x moved by lambd towards 0, and 0 where it would pass it; NaN for NaN. */
export function softshrink(x: Tensor, lambd = 0.5): Tensor {
  if (!(lambd >= 0)) throw new RangeError(`softshrink: lambd must be at least 0, got ${lambd}`);
  const moved = withSlopeWhere(
    'softshrink',
    (source) => where(source.abs().le(lambd), 0, where(source.gt(0), source.sub(lambd), source.add(lambd))),
    (source) => source.abs().gt(lambd),
  );
  return moved(x);
}

export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(minVal = -1, maxVal = 1) {
    super();
    if (!(minVal < maxVal)) throw new RangeError(`Hardtanh: minVal ${minVal} must be less than maxVal ${maxVal}`);
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  forward(x: Tensor): Tensor {
    return hardtanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return settings({ minVal: pythonFloat(this.minVal), maxVal: pythonFloat(this.maxVal) });
  }
}

export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number) {
    super();
    this.threshold = threshold;
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return threshold(x, this.threshold, this.value);
  }
}

export class Hardshrink extends Module {
  readonly lambd: number;

  constructor(lambd = 0.5) {
    super();
    this.lambd = lambd;
  }

  forward(x: Tensor): Tensor {
    return hardshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return String(pythonFloat(this.lambd));
  }
}

export class Softshrink extends Module {
  readonly lambd: number;

  constructor(lambd = 0.5) {
    super();
    if (!(lambd >= 0)) throw new RangeError(`Softshrink: lambd must be at least 0, got ${lambd}`);
    this.lambd = lambd;
  }

  forward(x: Tensor): Tensor {
    return softshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return String(pythonFloat(this.lambd));
  }
}
