/** The task `mae`: a masked autoencoder, which predicts the hidden patches of images from the rest (He et al. 2022). */
import { type Batch, permutation } from '@tessera/data';
import { MaskedAutoencoder, preprocess } from '@tessera/models';
import { init } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import { evaluateMeasures, type Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { type ImageColumns, imageColumns } from '../../evaluation/reconstruction/evaluate.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { enlarge, sideBySide } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { readOptions, withColumnNames } from '../reading.ts';
import { asTaskModel, defineTask, fromScratch, type TaskModel } from '../task.ts';
import { vitOptions } from '../vit-settings.ts';
import { hiddenError, MAEObjective, type MAETensors } from './objective.ts';
import { completedImages } from './pictures.ts';
import { type MAEConfig, maeSettings } from './settings.ts';

/** Images with the numbers [B, L] that choose their hidden patches. */
type EvaluationTensors = MAETensors & { readonly noise: Tensor };

const buildModel = ({ model: { decoder, maskRatio, normalizePixels, ...sizes } }: MAEConfig): MaskedAutoencoder =>
  new MaskedAutoencoder({
    ...vitOptions(sizes),
    ...{ maskRatio, normalizePixels },
    ...{ decoderWidth: decoder.width, decoderDepth: decoder.layers, decoderHeads: decoder.heads },
  });

const imagesOf = ({ columns, size }: Batch<ImageColumns>, imageSize: number): Tensor =>
  tensor(columns.image, { shape: [size, imageSize, imageSize, 3] });

/** Random numbers that follow from the rows: each evaluation hides the same patches of an image. */
function noiseOf(rows: Int32Array, patches: number): Tensor {
  const noise = Array.from(rows, (row) => [...permutation(patches, 0, row)]);
  return tensor(Float32Array.from(noise.flat()), { shape: [rows.length, patches] });
}

function measurementOf(
  model: MaskedAutoencoder,
  imageSize: number,
): Measurement<ImageColumns, EvaluationTensors, 'hiddenError' | 'meanError'> {
  const patches = model.grid[0] * model.grid[1];
  return {
    model,
    looks: {
      hiddenError: { label: 'error of hidden patches', format: 'number' },
      meanError: { label: "error of each patch's mean", format: 'number' },
    },
    toTensors: (batch) => ({ images: imagesOf(batch, imageSize), noise: noiseOf(batch.indices, patches) }),
    measure({ images, noise }) {
      const pictures = preprocess(images);
      const { prediction, mask } = model.reconstruct(pictures, noise);
      return {
        hiddenError: hiddenError(model, pictures, prediction, mask),
        meanError: hiddenError(model, pictures, model.target(pictures).mean(-1, true), mask),
      };
    },
    note: 'The image, the patches that the encoder sees, and the image with the predicted patches.',
    async examples({ indices }, tensors, rows) {
      const { images, noise } = selectRows(tensors, rows);
      const pictures = preprocess(images);
      const { prediction, mask } = model.reconstruct(pictures, noise);
      const { masked, completed } = completedImages(model, pictures, prediction, mask);
      const errors = [...(await hiddenError(model, pictures, prediction, mask).data())];
      const [original, seen, predicted] = await Promise.all([images, masked, completed].map(picturesOf));
      return rows.map((row, k) => ({
        ...sideBySide([original, seen, predicted].flatMap((list) => list?.[k] ?? []).map((one) => enlarge(one, 2))),
        lines: [`row ${indices[row]}`, `error ${errors[k]?.toFixed(3)}`],
        right: null,
      }));
    },
  };
}

function subjectOf(model: MaskedAutoencoder, config: MAEConfig): TaskModel<ImageColumns, MAETensors> {
  const { imageSize, patchSize, width, layers, decoder } = config.model;
  const [rows, columns] = model.grid;
  return {
    model,
    objective: new MAEObjective(model),
    imageSize,
    columns: withColumnNames(imageColumns, config.data.columns),
    toTensors: (batch) => ({ images: imagesOf(batch, imageSize) }),
    facts: {
      Model: `masked autoencoder: ${layers} blocks of width ${width}, decoder ${decoder.layers} of ${decoder.width}`,
      'Image size': imageSize,
      Patches: `${rows} x ${columns} of ${patchSize} x ${patchSize} pixels, of which ${model.kept} are seen`,
      Parameters: model.parameterCount(),
    },
    predictor: {
      reason:
        'a masked autoencoder learns without labels, so it has no classes and no words for an image; a classifier can start from it: npm run train -- --task classify --from RUN',
    },
    async evaluate(splits, request) {
      const results = [];
      for (const split of splits) {
        const options = readOptions(request, imageColumns, imageSize);
        results.push(await evaluateMeasures(split, options, measurementOf(model, imageSize)));
      }
      return results;
    },
  };
}

export const mae = defineTask<MAEConfig>({
  ...maeSettings,
  title: 'Masked autoencoder',
  description: 'a masked autoencoder: the hidden patches of images from the rest, without labels',
  mainMeasure: { name: 'hiddenError', better: 'lower' },
  fromCheckpoint: null,
  evaluationOptions: [],
  prepare: fromScratch(async ({ config }) => asTaskModel(subjectOf(buildModel(config), config))),
  async restore({ config, checkpoint }) {
    const model = init.skipInit(() => buildModel(config));
    loadModelState(checkpoint, model, config);
    return asTaskModel(subjectOf(model, config));
  },
});
