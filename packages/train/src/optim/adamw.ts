/** The optimizer AdamW. */
import { Adam, type AdamOptions, adamFields, amsgradField } from './adam.ts';
import type { OptimizedParameters } from './optimizer.ts';
import { defineOptimizer } from './settings.ts';

export type AdamWOptions = Omit<AdamOptions, 'decoupledWeightDecay'>;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), with PyTorch's defaults: those of Adam, and a weight decay of 0.01. With
 * the gradient g of the parameter's step t, element by element:
 *
 *     m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *     p = p - lr decay p - lr (m / c1) / (sqrt(v / c2) + eps),   c_i = 1 - beta_i^t
 */
export class AdamW extends Adam {
  constructor(parameters: OptimizedParameters, options: AdamWOptions = {}) {
    super(parameters, { weightDecay: 0.01, ...options, decoupledWeightDecay: true });
  }
}

/** The setting `optimizer.kind: adamw`. */
export const adamw = defineOptimizer(
  'adamw',
  'Adam with decoupled weight decay (Loshchilov and Hutter 2019)',
  { ...adamFields, amsgrad: amsgradField },
  (parameters, settings) => new AdamW(parameters, settings),
);
