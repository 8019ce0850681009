import { type ImageTower, isSplitTower, preprocess, type SplitTower } from '@tessera/models';
import type { Module } from '@tessera/nn';
import { type CompiledFunction, compile, type Tensor, tensor, tidy, zeros } from '@tessera/tensor';
import type { LoadedCLIPFile, LoadedRun } from '@tessera/train';
import { fillBatch, inEvaluationMode } from '@tessera/train';
import { BatchEncoder } from '@tessera/train/browser';
import { type HandOffBatch, placesOnGrid } from './batch.ts';
import { checkIdentity, type HandOffDType, HandOffError, type HandOffHeader, handOffVersion } from './header.ts';
import { identify } from './identity.ts';

/** A trained image model that can be cut where its tokens go into the transformer. */
export interface SplitModel {
  /** What comes out: a vector for each image, or a logit for each class. */
  readonly gives: 'embedding' | 'logits';
  readonly tower: SplitTower;
  /** What follows the tower; null for nothing. */
  readonly head: (Module & { forward(features: Tensor): Tensor }) | null;
  /** What the weights' shapes do not say. */
  readonly description: unknown;
}

/** The image half of a loaded model. @throws for models without an image tower, and for towers without a sequence of tokens */
export function splitModel({ task, checkpoint, subject }: LoadedRun | LoadedCLIPFile): SplitModel {
  const { image } = subject;
  if (image === undefined)
    throw new Error(`${checkpoint.path}: a model of the task ${task.name} has no image tower to split`);
  const { head, description } = image;
  const tower = splitTower(image.tower, checkpoint.path);
  return { gives: head === null ? 'embedding' : 'logits', tower, head, description };
}

function splitTower(tower: ImageTower, path: string): SplitTower {
  if (isSplitTower(tower)) return tower;
  throw new Error(
    `${path}: its image tower, a ${tower.constructor.name}, has no token sequence to split at; Vision Transformers (vit, plain-vit) have one`,
  );
}

/** What a model's own streams say, but for what the sender chooses. */
async function ownHeader({
  tower,
  head,
  description,
}: SplitModel): Promise<Omit<HandOffHeader, 'dtype' | 'batchSize'>> {
  const side = tower.inputResolution;
  // Nothing is computed: shapes alone are asked for.
  const { tokens, prefix, grid } = tower.embed(zeros([1, 3, side, side]));
  const [, length, width] = tokens.shape as [number, number, number];
  const model = await identify(head === null ? { tower } : { tower, head }, description);
  return { version: handOffVersion, model, tokens: length, width, prefix, grid, layout: 'grid', mask: false };
}

export interface FrontOptions {
  readonly dtype: HandOffDType;
  readonly batchSize: number;
}

/** Patches, class token and positions: pixels to what is handed over. */
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

  /** @param images u8 [N, S, S, 3], at most a batch */
  async encode(images: Uint8Array, ids: readonly string[]): Promise<HandOffBatch> {
    const size = ids.length;
    const tokens = await this.#encoder.encode(images, [this.#side, this.#side, 3]);
    return { size, tokens, mask: null, image: null, coordinates: placesOnGrid(this.header, size), ids };
  }

  dispose(): void {
    this.#encoder.dispose();
  }
}

/** The transformer and what follows it: what was handed over to embeddings or logits. */
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

  /** @throws HandOffError where the stream comes from another model */
  static async of(model: SplitModel, header: HandOffHeader): Promise<BackHalf> {
    checkIdentity(header, await ownHeader(model));
    return new BackHalf(header, model);
  }

  /** Row-major [size, outputDim]. Batches are as long as the sender's, so that both halves add in the order of the whole. */
  async run({ tokens, mask, image, size }: HandOffBatch): Promise<Float32Array> {
    if (image !== null)
      throw new HandOffError('packed sequences go into a NaViT: this model takes one image a sequence');
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

/** Both halves as one program, with the tokens rounded in between as the hand-off would: what two processes are held against. */
export class UnsplitModel {
  readonly #encoder: BatchEncoder;
  readonly #side: number;

  constructor({ tower, head }: SplitModel, { dtype, batchSize }: FrontOptions) {
    this.#side = tower.inputResolution;
    this.#encoder = new BatchEncoder(tower, batchSize, (pixels) => {
      const sequence = tower.embed(preprocess(pixels));
      // In memory of their own, as in the back half: no kernel then adds in another order.
      const tokens = dtype === 'f32' ? sequence.tokens : sequence.tokens.cast(dtype).cast('f32').contiguous();
      const features = tower.forwardTokens({ ...sequence, tokens });
      return head === null ? features : head.forward(features);
    });
  }

  /** u8 [N, S, S, 3] to row-major [N, outputDim]. */
  run(images: Uint8Array): Promise<Float32Array> {
    return this.#encoder.encode(images, [this.#side, this.#side, 3]);
  }

  dispose(): void {
    this.#encoder.dispose();
  }
}
