/** Initial values of Vision Transformers. */
import { init, Linear, type LinearOptions } from '@tessera/nn';

/** N(0, 0.02), truncated at -2 and 2: the initial weights of timm's models, DeiT and Swin. */
export const smallNormal = init.truncNormal({ std: 0.02 });

/** A Linear whose weight starts with `initializer` and whose bias starts at 0. */
export function startedLinear(
  inFeatures: number,
  outFeatures: number,
  { initializer = smallNormal, ...options }: LinearOptions & { readonly initializer?: init.Initializer } = {},
): Linear {
  const linear = init.skipInit(() => new Linear(inFeatures, outFeatures, options));
  linear.weight.initialize(initializer);
  linear.bias?.initialize(init.constant(0));
  return linear;
}
