/** The two halves of a trained Vision Transformer, and both together for comparison. */
import { type ImageTower, isSplitTower, preprocess, type SplitTower } from '@tessera/models';
import type { Module } from '@tessera/nn';
import { type CompiledFunction, compile, type Tensor, tensor, tidy, zeros } from '@tessera/tensor';
import type { LoadedFile, LoadedRun } from '@tessera/train';
import { BatchEncoder } from '@tessera/train/browser';
import { fillBatch, inEvaluationMode } from '@tessera/train/evaluation';
import { identify } from './identity.ts';
import { type HandOffBatch, placesOnGrid } from './stream/batch.ts';
import { checkIdentity, type HandOffDType, HandOffError, type HandOffHeader, handOffVersion } from './stream/header.ts';

/** A trained image model that can be split where its tokens enter the transformer. */
export interface SplitModel {
  /** The kind of output: a vector for each image, or a logit for each class. */
  readonly output: 'embedding' | 'logits';
  readonly tower: SplitTower;
  /** The layer after the tower; null for none. */
  readonly head: (Module & { forward(features: Tensor): Tensor }) | null;
  /** The settings that do not follow from the shapes of the weights. */
  readonly description: unknown;
}

/** The image half of a loaded model. @throws for models without an image tower, and for towers without a token sequence */
export function splitModel({ task, checkpoint, subject }: LoadedRun | LoadedFile): SplitModel {
  const { image } = subject;
  if (image === undefined)
    throw new Error(`${checkpoint.path}: a model of the task ${task.name} has no image tower to split`);
  const { head, description } = image;
  const tower = splitTower(image.tower, checkpoint.path);
  return { output: head === null ? 'embedding' : 'logits', tower, head, description };
}

function splitTower(tower: ImageTower, path: string): SplitTower {
  if (isSplitTower(tower)) return tower;
  throw new Error(
    `${path}: its image tower, a ${tower.constructor.name}, has no token sequence to split at; Vision Transformers (vit, plain-vit) have one`,
  );
}

/** The header of a model's streams, without the settings that the sender chooses. */
async function ownHeader({
  tower,
  head,
  description,
}: SplitModel): Promise<Omit<HandOffHeader, 'dtype' | 'batchSize'>> {
  const side = tower.inputResolution;
  // Only shapes are read, so nothing is computed.
  const { tokens, prefix, grid } = tower.embed(zeros([1, 3, side, side]));
  const [, length = 0, width = 0] = tokens.shape;
  const model = await identify(head === null ? { tower } : { tower, head }, description);
  return { version: handOffVersion, model, tokens: length, width, prefix, grid, layout: 'grid', mask: false };
}

export interface FrontOptions {
  readonly dtype: HandOffDType;
  readonly batchSize: number;
}

/** The front half: from pixels to tokens (patches, class token, positions). */
export class FrontHalf {
  readonly header: HandOffHeader;
  readonly #encoder: BatchEncoder;
  readonly #side: number;

  private constructor(header: HandOffHeader, { tower }: SplitModel) {
    this.header = header;
    this.#side = tower.inputResolution;
    this.#encoder = new BatchEncoder(tower, header.batchSize, (pixels) => tower.embed(preprocess(pixels)).tokens);
  }

  static async of(model: SplitModel, { dtype, batchSize }: FrontOptions): Promise<FrontHalf> {
    return new FrontHalf({ ...(await ownHeader(model)), dtype, batchSize }, model);
  }

  /** @param images u8 [N, S, S, 3], N at most the batch size @param ids a name for each image */
  async encode(images: Uint8Array, ids: readonly string[]): Promise<HandOffBatch> {
    const size = ids.length;
    const tokens = await this.#encoder.encode(images, [this.#side, this.#side, 3]);
    return { size, tokens, mask: null, image: null, coordinates: placesOnGrid(this.header, size), ids };
  }

  dispose(): void {
    this.#encoder.dispose();
  }
}

/** The back half: from tokens to embeddings or logits (the transformer, and the head). */
export class BackHalf {
  readonly header: HandOffHeader;
  readonly #compiled: CompiledFunction<Tensor[], Tensor>;

  private constructor(header: HandOffHeader, { tower, head }: SplitModel) {
    this.header = header;
    const { prefix, grid } = header;
    this.#compiled = compile((tokens: Tensor, mask?: Tensor) =>
      inEvaluationMode(tower, () => {
        const features = tower.forwardTokens({ tokens, prefix, grid, mask: mask?.cast('bool') ?? null });
        return head === null ? features : head.forward(features);
      }),
    ) as CompiledFunction<Tensor[], Tensor>;
  }

  /** @throws HandOffError if the stream comes from another model */
  static async of(model: SplitModel, header: HandOffHeader): Promise<BackHalf> {
    checkIdentity(header, await ownHeader(model));
    return new BackHalf(header, model);
  }

  /**
   * Computes a batch, row-major [size, outputDim]. The compiled batch is as large as the sender's, so that sums are computed in the same
   * order as in the whole model.
   */
  async run({ tokens, mask, image, size }: HandOffBatch): Promise<Float32Array> {
    if (image !== null)
      throw new HandOffError('packed sequences need a NaViT; this model takes one image per sequence');
    const { batchSize, tokens: length, width } = this.header;
    return tidy(async () => {
      const inputs = [
        tensor(fillBatch(tokens, length * width, batchSize), { shape: [batchSize, length, width] }),
        ...(mask === null ? [] : [tensor(fillBatch(mask, length, batchSize), { shape: [batchSize, length] })]),
      ];
      const values = (await (await this.#compiled(...inputs)).data()) as Float32Array;
      return values.subarray(0, (values.length / batchSize) * size);
    });
  }

  dispose(): void {
    this.#compiled.dispose();
  }
}

/** Both halves in one program, with the tokens rounded in between as in the stream. Its results are the reference for two processes. */
export class UnsplitModel {
  readonly #encoder: BatchEncoder;
  readonly #side: number;

  constructor({ tower, head }: SplitModel, { dtype, batchSize }: FrontOptions) {
    this.#side = tower.inputResolution;
    this.#encoder = new BatchEncoder(tower, batchSize, (pixels) => {
      const sequence = tower.embed(preprocess(pixels));
      // Contiguous, as in the back half, so that every kernel adds in the same order.
      const tokens = dtype === 'f32' ? sequence.tokens : sequence.tokens.cast(dtype).cast('f32').contiguous();
      const features = tower.forwardTokens({ ...sequence, tokens });
      return head === null ? features : head.forward(features);
    });
  }

  /** @param images u8 [N, S, S, 3] @returns row-major [N, outputDim] */
  run(images: Uint8Array): Promise<Float32Array> {
    return this.#encoder.encode(images, [this.#side, this.#side, 3]);
  }

  dispose(): void {
    this.#encoder.dispose();
  }
}
