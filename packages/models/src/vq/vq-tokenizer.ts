/** Images as discrete tokens. */
import { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { requireSquareImages } from '../tower/image-tower.ts';
import { ConvDecoder, ConvEncoder } from './autoencoder.ts';
import { type Quantized, VectorQuantizer } from './vector-quantizer.ts';

export interface VQTokenizerConfig {
  /** Side of the square images, in pixels. A multiple of the patch size. */
  readonly imageSize: number;
  /** Side of the square of pixels that a token represents: a power of two. */
  readonly patchSize: number;
  /** Channels of encoder and decoder. */
  readonly width: number;
  /** Residual units of each. */
  readonly blocks: number;
  /** The number of codes: the size of the vocabulary. */
  readonly codes: number;
  readonly codeWidth: number;
  /** Decay of the running means that define the codes. Default 0.99. */
  readonly decay?: number;
  /** A code that fewer vectors of a batch are assigned to restarts; 0: never. Default 1. */
  readonly restartBelow?: number;
}

export interface Reconstruction extends Omit<Quantized, 'quantized'> {
  /** [N, 3, R, R] */
  readonly reconstruction: Tensor;
}

/**
 * Images as discrete tokens (VQ-VAE; van den Oord et al. 2017): a convolutional encoder, a codebook, and a decoder. Each token represents
 * a square of pixels and is the index of a code, as a language model's tokens are indices of words.
 */
export class VQTokenizer extends Module {
  readonly config: VQTokenizerConfig;
  readonly encoder: ConvEncoder;
  readonly quantizer: VectorQuantizer;
  readonly decoder: ConvDecoder;

  constructor(config: VQTokenizerConfig) {
    super();
    const { imageSize, patchSize, width, blocks, codes, codeWidth, decay = 0.99, restartBelow = 1 } = config;
    const halvings = Math.log2(patchSize);
    if (!Number.isInteger(halvings) || halvings < 1)
      throw new RangeError(`VQTokenizer: the patch size must be a power of two of at least 2, got ${patchSize}`);
    if (imageSize % patchSize !== 0)
      throw new RangeError(`VQTokenizer: image size ${imageSize} is not a multiple of the patch size ${patchSize}`);
    const options = { width, halvings, blocks, latentWidth: codeWidth };
    this.config = config;
    this.encoder = new ConvEncoder(options);
    this.quantizer = new VectorQuantizer(codes, codeWidth, { decay, restartBelow });
    this.decoder = new ConvDecoder(options);
  }

  /** The number of tokens in each direction. */
  get gridSize(): number {
    return this.config.imageSize / this.config.patchSize;
  }

  /** Images [N, 3, R, R] to tokens i32 [N, r, r], r = R / patchSize. */
  encode(images: Tensor): Tensor {
    return this.quantizer.encode(this.#latents(images));
  }

  /** Tokens i32 [N, r, r] to images [N, 3, R, R]. */
  decode(tokens: Tensor): Tensor {
    return this.#decodeLatents(this.quantizer.lookup(tokens));
  }

  /** Encodes and decodes images. In training, the codebook is updated too. */
  forward(images: Tensor): Reconstruction {
    const { quantized, ...rest } = this.quantizer.forward(this.#latents(images));
    return { reconstruction: this.#decodeLatents(quantized), ...rest };
  }

  /** [N, 3, R, R] to [N, r, r, D] */
  #latents(images: Tensor): Tensor {
    const { imageSize: side } = this.config;
    requireSquareImages('VQTokenizer', images, side);
    return this.encoder.forward(images).permute(0, 2, 3, 1);
  }

  /** [N, r, r, D] to [N, 3, R, R] */
  #decodeLatents(latents: Tensor): Tensor {
    return this.decoder.forward(latents.permute(0, 3, 1, 2));
  }
}
