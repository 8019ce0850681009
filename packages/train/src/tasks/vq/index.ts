/** The task `vq`: a tokenizer that turns images into grids of codes and back (van den Oord et al. 2017). */
import { VQTokenizer } from '@tessera/models';
import { init } from '@tessera/nn';
import { tensor } from '@tessera/tensor';
import { evaluateReconstruction, type ImageColumns, imageColumns } from '../../evaluation/reconstruction/evaluate.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { readOptions, withColumnNames } from '../reading.ts';
import { asTaskModel, defineTask, fromScratch, type TaskModel } from '../task.ts';
import { type ImageTensors, VQObjective } from './objective.ts';
import { tokenPredictor } from './predictor.ts';
import { type VQConfig, vqSettings } from './settings.ts';

function subjectOf(model: VQTokenizer, config: VQConfig): TaskModel<ImageColumns, ImageTensors> {
  const { imageSize, patchSize, codes, codeWidth } = config.model;
  return {
    model,
    objective: new VQObjective(model, { commitment: config.loss.commitment }),
    imageSize,
    columns: withColumnNames(imageColumns, config.data.columns),
    toTensors: ({ columns, size }) => ({
      images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    }),
    facts: {
      Model: `VQ tokenizer: ${model.gridSize} x ${model.gridSize} tokens of ${patchSize} x ${patchSize} pixels`,
      Codes: `${codes} of width ${codeWidth}`,
      'Image size': imageSize,
      Parameters: model.parameterCount(),
    },
    predictor: tokenPredictor(model),
    async evaluate(splits, request) {
      const results = [];
      for (const split of splits)
        results.push(await evaluateReconstruction(model, split, readOptions(request, imageColumns, imageSize)));
      return results;
    },
  };
}

export const vq = defineTask<VQConfig>({
  ...vqSettings,
  title: 'VQ tokenizer',
  description: 'a tokenizer of images: to a grid of codes and back',
  mainMeasure: { name: 'psnr', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: [],
  prepare: fromScratch(async ({ config }) => asTaskModel(subjectOf(new VQTokenizer(config.model), config))),
  async restore({ config, checkpoint }) {
    const model = init.skipInit(() => new VQTokenizer(config.model));
    loadModelState(checkpoint, model, config);
    return asTaskModel(subjectOf(model, config));
  },
});
