/** Reads the attention maps of one image from an image tower. */
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
import { elementAt } from '../element-at.ts';
import { inEvaluationMode } from '../encoder.ts';
import { rowAt } from '../retrieval/products.ts';
import type { PatchMap } from './overlay.ts';

/** Where a model looks in one image: how much the tokens that the features are read from attend to each patch. */
export interface ImageAttention {
  /** The tokens that the features are read from. */
  readonly readout: 'class token' | 'patches' | 'pooling query';
  /** By layer, then by head. The sum of a map is 1 minus the attention to tokens that are not patches, such as the class token. */
  readonly layers: readonly (readonly PatchMap[])[];
  /** Through all layers (`attentionRollout`); null for an attention pool, which is one layer with one query. */
  readonly rollout: PatchMap | null;
  readonly texts: readonly TextRelevance[];
}

/** The parts of an image that are evidence for a text. */
export interface TextRelevance {
  /** Cosine of the features of image and text. */
  readonly similarity: number;
  /** `attentionRelevance` of the cosine. */
  readonly map: PatchMap;
}

/** The tower, if its attention can be read. @throws for any other tower */
export function attentiveTower(tower: ImageTower): AttentiveTower {
  if (isAttentive(tower)) return tower;
  throw new Error(
    `${tower.constructor.name} has no attention over the whole image; attention maps need a VisionTransformer, a ViT or a ModifiedResNet (its pool)`,
  );
}

/**
 * Runs the tower on one image, in evaluation mode, and reads its attention.
 *
 * @param pixels u8 [R, R, 3] at the tower's resolution R
 * @param textFeatures [T, outputDim] of the texts whose relevance is computed; they need not be normalized. Null: no texts
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
      rollout: rollout === null ? null : await readMap(rollout),
      texts: await Promise.all(
        texts.map(async ({ similarity, map }) => ({
          similarity: await similarity.item(),
          map: await readMap(map),
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
  return Array.from({ length: elementAt(textFeatures.shape, 0) }, (_, text) => {
    const similarity = cosines.select(1, text).sum();
    const gradients = grad(similarity, [...weights]);
    // The query of a pool attends to the places directly: no earlier layer has mixed them.
    const relevance = square
      ? F.attentionRelevance(weights, gradients)
      : F.gradientWeightedAttention(elementAt(weights, 0), elementAt(gradients, 0));
    return { similarity, map: readoutMaps(relevance, attended) };
  });
}

function readoutName({ weights, readout: [from], prefix }: AttendedImages): ImageAttention['readout'] {
  if (weights.every(({ shape }) => shape[2] === 1)) return 'pooling query';
  return from < prefix ? 'class token' : 'patches';
}

/** The maps of a tensor [..., rows, columns]. */
async function readMaps(tensor: Tensor): Promise<PatchMap[]> {
  const [rows = 1, columns = 1] = tensor.shape.slice(-2);
  const values = Float32Array.from(await tensor.data());
  return Array.from({ length: values.length / (rows * columns) }, (_, k) => ({
    rows,
    columns,
    values: rowAt(values, k, rows * columns),
  }));
}

/** The map of a tensor [1, ..., 1, rows, columns]. */
const readMap = async (tensor: Tensor): Promise<PatchMap> => elementAt(await readMaps(tensor), 0);
