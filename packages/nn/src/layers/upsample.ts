/** Upsampling as a layer. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { pythonFloats, settings } from '../module/print-module.ts';
import { type InterpolateOptions, type InterpolationSize, interpolate } from '../vision/interpolate.ts';

export interface UpsampleOptions extends Omit<InterpolateOptions, 'antialias'> {
  /** The sizes of the spatial axes; or null, with a `scaleFactor`. */
  readonly size?: InterpolationSize;
}

/** Resizes [N, C, ...] to the given size, or by a factor; modes and options: `interpolate`. */
export class Upsample extends Module {
  readonly options: UpsampleOptions;

  constructor(options: UpsampleOptions) {
    super();
    if ((options.size === undefined) === (options.scaleFactor === undefined))
      throw new RangeError('Upsample: needs either a size or a scaleFactor');
    this.options = options;
  }

  forward(input: Tensor): Tensor {
    const { size = null, ...options } = this.options;
    return interpolate(input, size, options);
  }

  override extraRepr(): string {
    const { size, scaleFactor, mode = 'nearest' } = this.options;
    return settings(size === undefined ? { scaleFactor: pythonFloats(scaleFactor), mode } : { size, mode });
  }
}
