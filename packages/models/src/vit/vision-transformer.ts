/** CLIP's Vision Transformer. */
import { type ActivationName, Conv2d, init, LayerNorm, Module, Parameter, sizesOf } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';
import { Transformer } from '../blocks/transformer.ts';
import type { AttendedImages, AttentiveTower } from '../tower/attended-images.ts';
import { checkTokenSequence, type Embedded, type SplitTower, type TokenSequence } from '../tower/halves.ts';
import { requireSquareImages } from '../tower/image-tower.ts';
import type { GroupMatcher } from '../tower/parameter-layers.ts';

export interface VisionTransformerOptions {
  readonly activation?: ActivationName;
}

/** CLIP's Vision Transformer: patches, a class token in front, trained positions, blocks, and a projection of the class token. */
export class VisionTransformer extends Module implements AttentiveTower, SplitTower {
  readonly inputResolution: number;
  readonly patchSize: number;
  readonly outputDim: number;
  readonly class_embedding: Parameter;
  readonly positional_embedding: Parameter;
  readonly proj: Parameter;
  readonly conv1: Conv2d;
  readonly ln_pre: LayerNorm;
  readonly transformer: Transformer;
  readonly ln_post: LayerNorm;

  constructor(
    inputResolution: number,
    patchSize: number,
    width: number,
    layers: number,
    heads: number,
    outputDim: number,
    options: VisionTransformerOptions = {},
  ) {
    super();
    if (inputResolution % patchSize !== 0 || inputResolution <= 0)
      throw new RangeError(
        `VisionTransformer: image size ${inputResolution} is not a multiple of the patch size ${patchSize}`,
      );
    this.inputResolution = inputResolution;
    this.patchSize = patchSize;
    this.outputDim = outputDim;
    const scaled = init.normal({ std: width ** -0.5 });
    const tokens = (inputResolution / patchSize) ** 2 + 1;
    this.class_embedding = new Parameter(scaled([width]));
    this.positional_embedding = new Parameter(scaled([tokens, width]));
    this.proj = new Parameter(scaled([width, outputDim]));
    this.conv1 = new Conv2d(3, width, patchSize, { stride: patchSize, bias: false });
    this.ln_pre = new LayerNorm(width);
    this.transformer = new Transformer(width, layers, heads, { ...options, batchFirst: true });
    this.ln_post = new LayerNorm(width);
  }

  groupMatcher(): GroupMatcher {
    return {
      stem: /^(class_embedding|positional_embedding|conv1|ln_pre)\b/,
      blocks: [/^transformer\.resblocks\.(\d+)/],
      end: /^ln_post\b/,
    };
  }

  /** [N, 3, R, R] to [N, outputDim] */
  forward(images: Tensor): Tensor {
    return this.forwardTokens(this.embed(images));
  }

  /** The output of the last block for every token, class token first: [N, 3, R, R] to [N, 1 + patches, width]. */
  tokens(images: Tensor): Tensor {
    return this.#encode(this.embed(images)).output;
  }

  attend(images: Tensor): AttendedImages {
    const embedded = this.embed(images);
    const { output, weights } = this.#encode(embedded);
    return { output: this.#project(output.select(1, 0)), weights, prefix: 1, grid: embedded.grid, readout: [0, 1] };
  }

  /** The front half: class token and patches with their positions, before `ln_pre`. [N, 3, R, R] to [N, 1 + patches, width]. */
  embed(images: Tensor): Embedded {
    const { inputResolution: side } = this;
    requireSquareImages('VisionTransformer', images, side);
    const patches = this.conv1.forward(images).flatten(2).transpose(1, 2); // [N, patches, width]
    const [n, , width] = sizesOf(patches, 3, 'VisionTransformer', 'patches [N, patches, width]');
    const front = this.class_embedding.expand([n, 1, width]);
    const tokens = concat([front, patches], 1).add(this.positional_embedding);
    const rows = side / this.patchSize;
    return { tokens, prefix: 1, grid: [rows, rows] };
  }

  /** The back half: the output of `embed`, from this process or another one, to [N, outputDim]. */
  forwardTokens(sequence: TokenSequence): Tensor {
    const { tokens, keyPaddingMask } = this.#begin(sequence);
    return this.#project(this.transformer.forwardAt(tokens, 0, { keyPaddingMask }));
  }

  #encode(sequence: TokenSequence): { output: Tensor; weights: Tensor[] } {
    const { tokens, keyPaddingMask } = this.#begin(sequence);
    return this.transformer.attend(tokens, { keyPaddingMask });
  }

  /** The input of the blocks: tokens [N, 1 + patches, width], and a mask bool [N, 1 + patches], true where a token is hidden. */
  #begin(sequence: TokenSequence): { tokens: Tensor; keyPaddingMask: Tensor | null } {
    const rows = this.inputResolution / this.patchSize;
    const { width } = this.transformer;
    checkTokenSequence('VisionTransformer', sequence, { prefix: 1, grid: [rows, rows], width });
    const { tokens, mask = null } = sequence;
    return { tokens: this.ln_pre.forward(tokens), keyPaddingMask: mask === null ? null : mask.logicalNot() };
  }

  /** The class token [N, width] to [N, outputDim] */
  #project(token: Tensor): Tensor {
    return this.ln_post.forward(token).matmul(this.proj);
  }
}
