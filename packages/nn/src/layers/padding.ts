/** Padding of the last axes, by constants or by what is in the tensor, and cropping. */

import { concat, formatShape, type Tensor } from '@tessera/tensor';
import { shown } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { pythonValue, settings } from '../module/print-module.ts';
import { nth } from '../nth.ts';
import { type Dims, withBatch } from '../sizes.ts';

/**
 * What padding consists of: a number; the tensor mirrored at its first and last element, which are not repeated; its first and last
 * element; or its other end.
 */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

export interface PadOptions {
  readonly mode?: PadMode;
  /** Of the mode 'constant'. */
  readonly value?: number;
}

/** The pieces of `x` in front of it and behind it. Both widths are at least 0. */
type Border = (x: Tensor, axis: number, before: number, after: number) => readonly [front: Tensor, behind: Tensor];

const repeated = (x: Tensor, axis: number, at: number, count: number): Tensor =>
  x.slice(axis, at, at + 1).expand(x.shape.map((n, k) => (k === axis ? count : n)));

const borders: Readonly<Record<Exclude<PadMode, 'constant'>, Border>> = {
  reflect: (x, axis, before, after) => {
    const n = nth(x.shape, axis);
    return [x.slice(axis, 1, 1 + before).flip(axis), x.slice(axis, n - 1 - after, n - 1).flip(axis)];
  },
  replicate: (x, axis, before, after) => [
    repeated(x, axis, 0, before),
    repeated(x, axis, nth(x.shape, axis) - 1, after),
  ],
  circular: (x, axis, before, after) => {
    const n = nth(x.shape, axis);
    return [x.slice(axis, n - before, n), x.slice(axis, 0, after)];
  },
};

/** How far each mode can reach on an axis of size n. */
const reach: Readonly<Record<Exclude<PadMode, 'constant'>, (n: number) => number>> = {
  reflect: (n) => n - 1,
  replicate: (n) => (n > 0 ? Number.POSITIVE_INFINITY : 0),
  circular: (n) => n,
};

/** The tensor without `before` elements in front and `after` behind, where these are negative. */
function crop(x: Tensor, axis: number, before: number, after: number): Tensor {
  const n = nth(x.shape, axis);
  return x.slice(axis, Math.max(0, -before), n - Math.max(0, -after));
}

function padAxis(x: Tensor, axis: number, before: number, after: number, mode: Exclude<PadMode, 'constant'>): Tensor {
  const [front, behind] = [Math.max(0, before), Math.max(0, after)];
  // As in PyTorch, 'circular' repeats what is left of the tensor, and the other modes crop what they have made.
  const source = mode === 'circular' ? crop(x, axis, before, after) : x;
  const n = nth(source.shape, axis);
  const most = reach[mode](n);
  if (Math.max(front, behind) > most)
    throw new RangeError(
      `pad: mode '${mode}' can add at most ${most} on either side of axis ${axis} of ${formatShape(source.shape)}, ` +
        `got ${before} and ${after}`,
    );
  const [first, last] = borders[mode](source, axis, front, behind);
  const joined = front === 0 && behind === 0 ? source : concat([first, source, last], axis);
  return mode === 'circular' ? joined : crop(joined, axis, before, after);
}

/**
 * Adds to the ends of the last axes, or crops them: `widths` has two numbers for each axis, in front and behind, and the last axis comes
 * first, as in PyTorch's `F.pad`: [left, right, top, bottom] for images. Negative numbers crop.
 *
 * @param input of any dtype
 * @param widths an even number of whole numbers, at most two for each axis
 * @throws RangeError if an axis is too short for its padding: 'reflect' can add size - 1, 'circular' size
 */
export function pad(
  input: Tensor,
  widths: readonly number[],
  { mode = 'constant', value = 0 }: PadOptions = {},
): Tensor {
  if (
    !Array.isArray(widths) ||
    widths.length % 2 !== 0 ||
    widths.length > 2 * input.ndim ||
    !widths.every(Number.isInteger)
  )
    throw new RangeError(
      `pad: needs two whole numbers for each of at most ${input.ndim} axes, got ${Array.isArray(widths) ? formatShape(widths) : shown(widths)} for a tensor of shape ` +
        formatShape(input.shape),
    );
  if (mode !== 'constant' && !(mode in borders))
    throw new RangeError(`pad: the mode must be constant, ${Object.keys(borders).join(', ')}, got '${mode}'`);
  const pairs = input.shape.map((_, axis): readonly [number, number] => {
    const at = 2 * (input.ndim - 1 - axis);
    return [widths[at] ?? 0, widths[at + 1] ?? 0];
  });
  for (const [axis, [before, after]] of pairs.entries())
    if (
      nth(input.shape, axis) + before + after < 0 ||
      -before > nth(input.shape, axis) ||
      -after > nth(input.shape, axis)
    )
      throw new RangeError(
        `pad: ${before} and ${after} crop more than axis ${axis} of ${formatShape(input.shape)} has`,
      );
  if (mode !== 'constant')
    return pairs.reduce(
      (x, [before, after], axis) => (before === 0 && after === 0 ? x : padAxis(x, axis, before, after, mode)),
      input,
    );
  const cropped = pairs.reduce((x, [before, after], axis) => crop(x, axis, before, after), input);
  return cropped.pad(
    pairs.map(([before, after]) => [Math.max(0, before), Math.max(0, after)]),
    value,
  );
}

/** Widths for one number of axes: one number for all sides, or two numbers for each axis, the last axis first. */
export type PadWidths = number | readonly number[];

abstract class Pad extends Module {
  readonly padding: readonly number[];
  readonly options: PadOptions;
  readonly #dims: Dims;
  readonly #op: string;

  constructor(dims: Dims, op: string, padding: PadWidths, options: PadOptions) {
    super();
    this.padding = typeof padding === 'number' ? new Array<number>(2 * dims).fill(padding) : padding;
    if (this.padding.length !== 2 * dims || !this.padding.every(Number.isInteger))
      throw new RangeError(
        `${op}: the padding must be a whole number or ${2 * dims} of them, got ${formatShape(this.padding)}`,
      );
    this.options = options;
    this.#dims = dims;
    this.#op = op;
  }

  forward(input: Tensor): Tensor {
    const padded = (x: Tensor): Tensor => pad(x, this.padding, this.options);
    return this.options.mode === undefined ? padded(input) : withBatch(input, this.#dims, this.#op, padded);
  }

  override extraRepr(): string {
    const { value } = this.options;
    return value === undefined ? pythonValue(this.padding) : settings({ padding: this.padding, value });
  }
}

/** Puts a number around sequences [N, C, L] or [C, L]: padding [left, right]. */
export class ConstantPad1d extends Pad {
  constructor(padding: PadWidths, value: number) {
    super(1, 'ConstantPad1d', padding, { value });
  }
}

/** Puts a number around images [N, C, H, W] or [C, H, W]: padding [left, right, top, bottom]. */
export class ConstantPad2d extends Pad {
  constructor(padding: PadWidths, value: number) {
    super(2, 'ConstantPad2d', padding, { value });
  }
}

/** Puts a number around volumes [N, C, D, H, W] or [C, D, H, W]: padding [left, right, top, bottom, front, back]. */
export class ConstantPad3d extends Pad {
  constructor(padding: PadWidths, value: number) {
    super(3, 'ConstantPad3d', padding, { value });
  }
}

/** Puts zeros around sequences [N, C, L] or [C, L]. */
export class ZeroPad1d extends Pad {
  constructor(padding: PadWidths) {
    super(1, 'ZeroPad1d', padding, {});
  }
}

/** Puts zeros around images [N, C, H, W] or [C, H, W]. */
export class ZeroPad2d extends Pad {
  constructor(padding: PadWidths) {
    super(2, 'ZeroPad2d', padding, {});
  }
}

/** Puts zeros around volumes [N, C, D, H, W] or [C, D, H, W]. */
export class ZeroPad3d extends Pad {
  constructor(padding: PadWidths) {
    super(3, 'ZeroPad3d', padding, {});
  }
}

/** Mirrors sequences [N, C, L] or [C, L] at their ends. */
export class ReflectionPad1d extends Pad {
  constructor(padding: PadWidths) {
    super(1, 'ReflectionPad1d', padding, { mode: 'reflect' });
  }
}

/** Mirrors images [N, C, H, W] or [C, H, W] at their borders. */
export class ReflectionPad2d extends Pad {
  constructor(padding: PadWidths) {
    super(2, 'ReflectionPad2d', padding, { mode: 'reflect' });
  }
}

/** Mirrors volumes [N, C, D, H, W] or [C, D, H, W] at their borders. */
export class ReflectionPad3d extends Pad {
  constructor(padding: PadWidths) {
    super(3, 'ReflectionPad3d', padding, { mode: 'reflect' });
  }
}

/** Repeats the ends of sequences [N, C, L] or [C, L]. */
export class ReplicationPad1d extends Pad {
  constructor(padding: PadWidths) {
    super(1, 'ReplicationPad1d', padding, { mode: 'replicate' });
  }
}

/** Repeats the borders of images [N, C, H, W] or [C, H, W]. */
export class ReplicationPad2d extends Pad {
  constructor(padding: PadWidths) {
    super(2, 'ReplicationPad2d', padding, { mode: 'replicate' });
  }
}

/** Repeats the borders of volumes [N, C, D, H, W] or [C, D, H, W]. */
export class ReplicationPad3d extends Pad {
  constructor(padding: PadWidths) {
    super(3, 'ReplicationPad3d', padding, { mode: 'replicate' });
  }
}

/** Continues sequences [N, C, L] or [C, L] with their other end. */
export class CircularPad1d extends Pad {
  constructor(padding: PadWidths) {
    super(1, 'CircularPad1d', padding, { mode: 'circular' });
  }
}

/** Continues images [N, C, H, W] or [C, H, W] with their other side. */
export class CircularPad2d extends Pad {
  constructor(padding: PadWidths) {
    super(2, 'CircularPad2d', padding, { mode: 'circular' });
  }
}

/** Continues volumes [N, C, D, H, W] or [C, D, H, W] with their other side. */
export class CircularPad3d extends Pad {
  constructor(padding: PadWidths) {
    super(3, 'CircularPad3d', padding, { mode: 'circular' });
  }
}
