/** How layers and losses handle products in f16 or bf16, which `autocast` makes of f32 ones. */
import { isHalf, type Tensor } from '@tessera/tensor';

/** The sum of a product and a bias. A product in f16 or bf16 keeps its dtype, whatever the bias's dtype: the sum is rounded once. */
export function addBias(product: Tensor, bias: Tensor): Tensor {
  const sum = product.add(bias);
  return isHalf(product.dtype) ? sum.cast(product.dtype) : sum;
}

/** f16 and bf16 become f32, other dtypes stay. Losses are computed in f32, whatever dtype a model returns. */
export const inF32 = (x: Tensor): Tensor => (isHalf(x.dtype) ? x.cast('f32') : x);
