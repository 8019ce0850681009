/** The softmax of attention scores, some of which may be hidden by a mask. */
import { customGradient } from '@tessera/autograd';
import { isHalf, type Tensor } from '@tessera/tensor';

/** The smallest numbers above -Infinity. */
const lowest = { f32: -3.4028234663852886e38, f64: -Number.MAX_VALUE };

const wide = (x: Tensor): Tensor => (isHalf(x.dtype) ? x.cast('f32') : x);

/**
 * exp(x) / sum(exp(x)) along the last axis, and 0 in a row where every x is -Infinity: a query that may see nothing has no weights, and
 * its gradient is 0 (PyTorch's `_safe_softmax`). The bounds are those of a row: nothing is computed for single elements.
 */
export const safeSoftmax: (scores: Tensor) => Tensor = customGradient(
  (scores: Tensor) => {
    const x = wide(scores);
    // With a largest value of -Infinity, every difference would be NaN. With a finite one, the sum has exp(0), and is at least 1.
    const largest = x.max(-1, true).maximum(x.dtype === 'f64' ? lowest.f64 : lowest.f32);
    const powers = x.sub(largest).exp();
    return powers.mul(powers.sum(-1, true).maximum(1).reciprocal()).cast(scores.dtype);
  },
  (gradient, [scores], output) => {
    const [g, y] = [wide(gradient), wide(output)];
    return [y.mul(g.sub(g.mul(y).sum(-1, true))).cast(scores.dtype)];
  },
  'safeSoftmax',
);
