/** What CLIP says of an image: which of some classes or texts it shows. */
import type { CLIP } from '@tessera/models';
import { fillTemplates, zeroShotWeights } from '../../evaluation/classification/zero-shot.ts';
import { sigmoid, softmax } from '../../evaluation/probabilities.ts';
import { innerProducts, normalizeRows, rowAt } from '../../evaluation/retrieval/products.ts';
import { encodeTexts, towerEncoder } from '../../predict/encoders.ts';
import type { Prediction, PredictionRequest, Predictor, PreparedPrediction } from '../../predict/prediction.ts';
import { classPredictions } from '../../predict/probabilities.ts';
import type { TextHalf } from '../task.ts';

/** The factor and the summand that turn cosines into logits, as the model learned them. */
async function scaleOf(model: CLIP): Promise<{ readonly scale: number; readonly bias: number | null }> {
  const [scale, bias] = await Promise.all([model.logit_scale.exp().item(), model.logit_bias?.item() ?? null]);
  return { scale: Number(scale), bias: bias === null ? null : Number(bias) };
}

/**
 * The predictor of a CLIP model.
 *
 * - `classes`: zero-shot classification; the probabilities are the softmax of logit_scale * cosine (Radford et al. 2021, section 3.1.2).
 * - `texts`: the softmax over the texts; for SigLIP, whose loss decides about each pair by itself, the sigmoid of
 *   logit_scale * cosine + logit_bias (Zhai et al. 2023, section 3.1).
 */
export function clipPredictor(model: CLIP, text: TextHalf): Predictor {
  const { embedDim: dims, vision } = model.config;
  const shape = [vision.imageSize, vision.imageSize, 3];
  const encode = (list: readonly string[]): Promise<Float32Array> => encodeTexts(model, text, list);

  const prepare = async ({ classes, templates = ['{}'], texts }: PredictionRequest): Promise<PreparedPrediction> => {
    if ((classes === undefined) === (texts === undefined))
      throw new Error('CLIP learned no classes: ask it for either names of classes or texts');
    const { scale, bias } = await scaleOf(model);
    const targets =
      classes === undefined
        ? normalizeRows(await encode(texts ?? []), dims, 'text features')
        : zeroShotWeights(await encode(fillTemplates(classes, templates)), templates.length, dims);
    return async (images) => {
      const features = await towerEncoder(model, model.visual).encode(images, shape);
      const cosines = innerProducts(normalizeRows(features, dims, 'image features'), targets, dims);
      if (classes !== undefined)
        return classPredictions(
          Float32Array.from(cosines, (cosine) => scale * cosine),
          classes,
        );
      return compareTexts(cosines, texts ?? [], (row) =>
        bias === null
          ? softmax(row.map((cosine) => scale * cosine))
          : row.map((cosine) => sigmoid(scale * cosine + bias)),
      );
    };
  };

  return {
    asks: ['classes', 'templates', 'texts'],
    prepare,
    predict: async (images, request, places) => (await prepare(request))(images, places),
  };
}

/** @param cosines row-major [N, texts] */
const compareTexts = (
  cosines: Float64Array,
  texts: readonly string[],
  probabilities: (row: Float64Array) => Float64Array,
): Prediction[] =>
  Array.from({ length: cosines.length / texts.length }, (_, k) => {
    const row = rowAt(cosines, k, texts.length);
    const own = probabilities(row);
    const order = Array.from(texts.keys()).sort((a, b) => (row[b] as number) - (row[a] as number));
    return {
      kind: 'texts',
      texts: order.map((t) => ({
        name: texts[t] as string,
        probability: own[t] as number,
        similarity: row[t] as number,
      })),
    };
  });
