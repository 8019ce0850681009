/** What layers and losses do where products come in f16 or bf16: see `autocast`. */
import { isHalf, type Tensor } from '@tessera/tensor';

/** A product in two bytes stays so, whatever its bias is of: their sum is rounded once. */
export function addBias(product: Tensor, bias: Tensor): Tensor {
  const sum = product.add(bias);
  return isHalf(product.dtype) ? sum.cast(product.dtype) : sum;
}

/** Losses are computed in f32, whatever a model gives. */
export const inF32 = (x: Tensor): Tensor => (isHalf(x.dtype) ? x.cast('f32') : x);
