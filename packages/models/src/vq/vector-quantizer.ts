/** Vectors replaced by the nearest codes of a codebook. */
import { Buffer, init, Module, sizesOf } from '@tessera/nn';
import { autocast, einsum, formatShape, noGrad, randint, type Tensor, where, zeros } from '@tessera/tensor';

export interface VectorQuantizerOptions {
  /** Decay of the running means that define the codes. Default 0.99. */
  readonly decay?: number;
  /** Added to a code's count before it is divided by. Default 1e-5. */
  readonly eps?: number;
  /**
   * A code to which, in the running mean, fewer vectors of a batch are assigned than this is dead, and restarts at one of the batch's
   * vectors. 0: never. Default 1.
   */
  readonly restartBelow?: number;
}

/** The result of quantizing vectors z. */
export interface Quantized {
  /** The nearest codes, [..., D]. In the backward pass, their gradient is handed to z. */
  readonly quantized: Tensor;
  /** i32 [...]: the indices of the codes. */
  readonly indices: Tensor;
  /** mean (z - code)^2, a scalar: keeps the encoder's outputs close to the codes. */
  readonly commitment: Tensor;
  /** exp of the entropy of the codes' use in this batch, a scalar: the number of used codes if all are used equally often. */
  readonly perplexity: Tensor;
}

/**
 * Vector quantization (van den Oord et al. 2017): each vector becomes the nearest of K codes.
 *
 * - **Straight through** (section 3.2): the nearest code is not a differentiable function of z, so the gradient with respect to the code
 *   is handed to z unchanged: forward computes z + (code - z), with the bracket as a constant.
 * - **Codes** are not parameters. They follow the vectors that are assigned to them, as in k-means (appendix A.1): with the number n_k
 *   and the sum s_k of a batch's vectors that are nearest to code k,
 *
 *       N_k = decay N_k + (1 - decay) n_k      m_k = decay m_k + (1 - decay) s_k      code_k = m_k / N_k
 *
 *   with N_k smoothed as (N_k + eps) / (N + K eps) N. These are buffers that `forward` assigns in training.
 * - **Dead codes** restart at randomly drawn vectors of the batch (Dhariwal et al. 2020, "Jukebox", section 3.1). As all counts start
 *   at 0, the first step initializes the whole codebook with data.
 */
export class VectorQuantizer extends Module {
  readonly codes: number;
  readonly width: number;
  readonly decay: number;
  readonly eps: number;
  readonly restartBelow: number;
  /** [K, D] */
  readonly codebook: Buffer;
  /** [K]: N_k */
  readonly cluster_size: Buffer;
  /** [K, D]: m_k */
  readonly cluster_sum: Buffer;

  constructor(codes: number, width: number, options: VectorQuantizerOptions = {}) {
    super();
    const { decay = 0.99, eps = 1e-5, restartBelow = 1 } = options;
    if (!(decay >= 0 && decay < 1)) throw new RangeError(`VectorQuantizer: decay must be in [0, 1), got ${decay}`);
    this.codes = codes;
    this.width = width;
    this.decay = decay;
    this.eps = eps;
    this.restartBelow = restartBelow;
    this.codebook = new Buffer(init.normal()([codes, width]));
    this.cluster_size = new Buffer(zeros([codes]));
    this.cluster_sum = new Buffer(zeros([codes, width]));
  }

  /** [..., D] to the indices of the nearest codes, i32 [...]; the first one among equally near ones. */
  encode(z: Tensor): Tensor {
    const shape = z.shape.slice(0, -1);
    return this.#nearest(this.#rows(z)).reshape(shape);
  }

  /** Indices of codes, i32 [...], to the codes [..., D]. */
  lookup(indices: Tensor): Tensor {
    return this.codebook.indexSelect(0, indices);
  }

  /** z: [..., D] */
  forward(z: Tensor): Quantized {
    const rows = this.#rows(z);
    const indices = this.#nearest(rows);
    const nearest = this.lookup(indices).detach();
    const quantized = rows.add(nearest.sub(rows).detach());
    const uses = indices.oneHot(this.codes, z.dtype); // [M, K]
    const counts = uses.sum(0);
    if (this.training) noGrad(() => this.#follow(rows, uses, counts));
    const [count] = sizesOf(rows, 2, 'VectorQuantizer', 'vectors [M, D]');
    const share = counts.div(count);
    const entropy = share
      .mul(where(share.gt(0), share, 1).log())
      .sum()
      .neg();
    return {
      quantized: quantized.reshape(z.shape),
      indices: indices.reshape(z.shape.slice(0, -1)),
      commitment: rows.sub(nearest).square().mean(),
      perplexity: entropy.exp(),
    };
  }

  /** [M, D] */
  #rows(z: Tensor): Tensor {
    if (z.shape.at(-1) !== this.width)
      throw new RangeError(`VectorQuantizer: needs vectors [..., ${this.width}], got ${formatShape(z.shape)}`);
    return z.reshape(-1, this.width);
  }

  /** The index of the code c with the least |z - c|^2 = |z|^2 - 2 z c + |c|^2; the first term is the same for all codes. */
  #nearest(rows: Tensor): Tensor {
    const { codebook } = this;
    const products = autocast('f32', () => einsum('md,kd->mk', rows.detach(), codebook));
    return codebook.square().sum(1).sub(products.mul(2)).argmin(1).cast('i32');
  }

  #follow(rows: Tensor, uses: Tensor, counts: Tensor): void {
    const { decay, eps, codes, restartBelow, codebook, cluster_size, cluster_sum } = this;
    const vectors = rows.detach();
    const [count] = sizesOf(vectors, 2, 'VectorQuantizer', 'vectors [M, D]');
    const blend = (mean: Tensor, value: Tensor): Tensor => mean.mul(decay).add(value.mul(1 - decay));
    const size = blend(cluster_size, counts);
    const sum = blend(
      cluster_sum,
      autocast('f32', () => einsum('mk,md->kd', uses, vectors)),
    );
    const dead = size.lt(restartBelow);
    const drawn = vectors.indexSelect(0, randint([codes], 0, count));
    // A code that restarts counts as just alive: it has one step to be used.
    const nextSize = where(dead, restartBelow, size);
    const nextSum = where(dead.unsqueeze(1), drawn.mul(restartBelow), sum);
    const total = nextSize.sum();
    const smoothed = nextSize
      .add(eps)
      .div(total.add(codes * eps))
      .mul(total);
    cluster_size.assign(nextSize);
    cluster_sum.assign(nextSum);
    codebook.assign(nextSum.div(smoothed.unsqueeze(1)));
  }
}
