import { formatShape, type Tensor } from '@tessera/tensor';
import { addBias } from './precision.ts';

/**
 * x W^T + b.
 *
 * @param input [..., in]
 * @param weight [out, in]
 * @param bias [out]
 * @returns [..., out]
 */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  if (input.ndim === 0 || input.shape.at(-1) !== weight.shape[1])
    throw new RangeError(
      `linear: input ${formatShape(input.shape)} does not fit weight ${formatShape(weight.shape)}: ` +
        `the last axis must have size ${weight.shape[1]}`,
    );
  const product = input.matmul(weight.transpose(0, 1));
  return bias === null ? product : addBias(product, bias);
}
