/** Weights between those of two models. */
import type { StateDict } from '@tessera/nn';
import { formatShape, isFloat, sameShape, type Tensor } from '@tessera/tensor';

/**
 * Weights between those of two models (Wortsman et al. 2022, "WiSE-FT", equation 1): (1 - alpha) a + alpha b for each tensor. With a model
 * before fine-tuning as `a` and after it as `b`, values in between often keep the accuracy of `a` on other data and have most of the accuracy
 * of `b` on its own. Integers, such as counts of batches, are taken from `b`.
 *
 * @param alpha from 0 (`a`) to 1 (`b`)
 * @throws where the two do not have the same names and shapes
 */
export function interpolateStates(a: StateDict, b: StateDict, alpha: number): Map<string, Tensor> {
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError(`interpolateStates: alpha must be in [0, 1], got ${alpha}`);
  const lacking = [...a.keys()].find((name) => !b.has(name)) ?? [...b.keys()].find((name) => !a.has(name));
  if (lacking !== undefined)
    throw new Error(`interpolateStates: ${lacking} is only in the ${a.has(lacking) ? 'first' : 'second'} model`);
  return new Map(
    [...a].map(([name, first]) => {
      const second = b.get(name) as Tensor;
      if (!sameShape(first.shape, second.shape) || first.dtype !== second.dtype)
        throw new Error(
          `interpolateStates: ${name} is ${first.dtype} ${formatShape(first.shape)} in the first model, ` +
            `${second.dtype} ${formatShape(second.shape)} in the second`,
        );
      return [name, isFloat(first.dtype) ? first.mul(1 - alpha).add(second.mul(alpha)) : second];
    }),
  );
}
