import { grad } from '@tessera/autograd';
import {
  type AttendedImages,
  type AttentiveTower,
  type ImageTower,
  isAttentive,
  preprocess,
  readoutMaps,
} from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { realize, type Tensor, tensor, tidy } from '@tessera/tensor';
import { inEvaluationMode } from '../encoder.ts';
import type { PatchMap } from './overlay.ts';

/** Where a model looks in one image: of each patch, how much the tokens see of it that the features are read from. */
export interface ImageAttention {
  /** Which tokens those are. */
  readonly readout: 'class token' | 'patches' | 'pooling query';
  /** By layer, then by head. A map sums to 1 less what goes to the class token and the like. */
  readonly layers: readonly (readonly PatchMap[])[];
  /** Through all layers (`attentionRollout`); null for an attention pool, which is one layer with one query. */
  readonly rollout: PatchMap | null;
  readonly texts: readonly TextRelevance[];
}

/** What in an image speaks for a text. */
export interface TextRelevance {
  /** Cosine of the features of image and text. */
  readonly similarity: number;
  /** `attentionRelevance` of the cosine. */
  readonly map: PatchMap;
}

/** The tower as one that says where it looks. @throws where it does not */
export function attentiveTower(tower: ImageTower): AttentiveTower {
  if (isAttentive(tower)) return tower;
  throw new Error(
    `${tower.constructor.name} has no attention over the whole image: VisionTransformer, ViT and ModifiedResNet (its pool) have`,
  );
}

/**
 * Looks at one image, in evaluation mode.
 *
 * @param pixels u8 [R, R, 3], as large as the tower takes them
 * @param textFeatures [T, outputDim] of texts to look for, of any length; null: none
 */
export function attentionOfImage(
  tower: AttentiveTower,
  pixels: Uint8Array,
  textFeatures: Tensor | null = null,
): Promise<ImageAttention> {
  const side = tower.inputResolution;
  return tidy(async () => {
    const images = preprocess(tensor(pixels, { shape: [1, side, side, 3] }));
    const attended = inEvaluationMode(tower, () => tower.attend(images));
    const { weights } = attended;
    const square = weights.every(({ shape }) => shape[2] === shape[3]);
    const layers = weights.map((layer) => readoutMaps(layer, attended));
    const rollout = square ? readoutMaps(F.attentionRollout(weights), attended) : null;
    const texts = textFeatures === null ? [] : relevances(attended, textFeatures, square);
    const maps = [...layers, ...(rollout === null ? [] : [rollout]), ...texts.map(({ map }) => map)];
    await realize(...maps, ...texts.map(({ similarity }) => similarity));
    return {
      readout: readoutName(attended),
      layers: await Promise.all(layers.map(readMaps)),
      rollout: rollout === null ? null : (await readMaps(rollout))[0],
      texts: await Promise.all(
        texts.map(async ({ similarity, map }) => ({
          similarity: await similarity.item(),
          map: (await readMaps(map))[0],
        })),
      ),
    };
  });
}

function relevances(
  attended: AttendedImages,
  textFeatures: Tensor,
  square: boolean,
): { similarity: Tensor; map: Tensor }[] {
  const { output, weights } = attended;
  const cosines = F.l2Normalize(output).matmul(F.l2Normalize(textFeatures).transpose(0, 1)); // [1, T]
  return Array.from({ length: textFeatures.shape[0] }, (_, text) => {
    const similarity = cosines.select(1, text).sum();
    const gradients = grad(similarity, [...weights]);
    // In a pool one query sees the places themselves: nothing was mixed before.
    const relevance = square
      ? F.attentionRelevance(weights, gradients)
      : F.gradientWeightedAttention(weights[0], gradients[0]);
    return { similarity, map: readoutMaps(relevance, attended) };
  });
}

function readoutName({ weights, readout: [from], prefix }: AttendedImages): ImageAttention['readout'] {
  if (weights.every(({ shape }) => shape[2] === 1)) return 'pooling query';
  return from < prefix ? 'class token' : 'patches';
}

/** [..., rows, columns] as one map for each of what stands in front. */
async function readMaps(tensor: Tensor): Promise<PatchMap[]> {
  const [rows, columns] = tensor.shape.slice(-2);
  const values = Float32Array.from(await tensor.data());
  return Array.from({ length: values.length / (rows * columns) }, (_, k) => ({
    rows,
    columns,
    values: values.subarray(k * rows * columns, (k + 1) * rows * columns),
  }));
}
