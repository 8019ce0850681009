/** What all losses share: how the losses of single examples become one number, and the module that keeps a loss's options. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { Buffer } from '../module/parameter.ts';

/** `mean` and `sum` over all losses, or `none`: the losses as they are. */
export type Reduction = 'mean' | 'sum' | 'none';

const reductions = {
  mean: (losses) => losses.mean(),
  sum: (losses) => losses.sum(),
  none: (losses) => losses,
} satisfies Record<Reduction, (losses: Tensor) => Tensor>;

/** The losses of single examples as one number, or as they are. */
export function reduceLoss(losses: Tensor, reduction: Reduction = 'mean'): Tensor {
  if (!Object.hasOwn(reductions, reduction))
    throw new RangeError(`reduction must be 'mean', 'sum' or 'none', got '${reduction}'`);
  return reductions[reduction](losses);
}

export interface LossOptions {
  /** Default: the mean over all losses. */
  readonly reduction?: Reduction;
}

export interface MarginOptions extends LossOptions {
  /** Default: see the function. */
  readonly margin?: number;
}

/** A loss as a module: the options of its function are those of the constructor. */
export abstract class Loss<Options = LossOptions> extends Module {
  readonly options: Options;

  constructor(options: Options = {} as Options) {
    super();
    this.options = options;
  }
}

/** A loss with weights: they are state, so that they move with the module and are in its state_dict, as in PyTorch. */
export abstract class WeightedLoss<Options> extends Module {
  readonly options: Options;
  /** The factors that the function calls `weight`; null: 1. */
  readonly weight: Buffer | null;

  constructor(weight: Tensor | null, options: Options) {
    super();
    this.options = options;
    this.weight = weight === null ? null : new Buffer(weight);
  }
}
