import { DataLoader, type Dataset, type Split } from '@tessera/data';
import { VQTokenizer } from '@tessera/models';
import type { VQConfig } from '../config/index.ts';
import { evaluateReconstruction, type ReconstructionEvaluation } from '../evaluation/reconstruction.ts';
import type { ReconstructionReport } from '../report/index.ts';
import { reconstructionGrid, writeReconstructions } from '../run/reconstruction-samples.ts';
import type { RunFolder } from '../run/run-folder.ts';
import { writeTrainingSamples } from '../run/samples.ts';
import { type ImageTensors, imageTensors, VQTask } from '../tasks/vq.ts';
import { LoaderSource } from './loader-source.ts';
import type { PreparedTask } from './prepared.ts';
import { readingOptions, trainingLoaderOptions } from './reading.ts';

/** Builds model and loader for training a VQ tokenizer. */
export async function prepareVQ(
  config: VQConfig,
  dataset: Dataset,
  evaluationSplits: readonly Split[],
  folder: RunFolder,
): Promise<PreparedTask<ImageTensors>> {
  const train = dataset.split(config.data.trainSplit);
  const { imageSize, patchSize, codes, codeWidth } = config.model;
  const model = new VQTokenizer(config.model);
  const loader = new DataLoader(train, trainingLoaderOptions(config, imageSize));
  const reading = { ...readingOptions(config, loader.columns), imageSize };
  const evaluateAll = async (): Promise<ReconstructionEvaluation[]> => {
    const evaluations: ReconstructionEvaluation[] = [];
    for (const split of evaluationSplits) evaluations.push(await evaluateReconstruction(model, split, reading));
    return evaluations;
  };
  // The last evaluation's pictures serve the report too.
  let latest: ReconstructionEvaluation[] | null = null;
  return {
    task: new VQTask(model, { commitment: config.loss.commitment }),
    source: new LoaderSource(
      loader,
      (batch) => imageTensors(batch, imageSize),
      (batch) => writeTrainingSamples(folder.samples, batch, imageSize),
    ),
    trainingRows: train.length,
    mainMeasure: 'psnr',
    summary: {
      Model: `VQ tokenizer: ${model.gridSize} x ${model.gridSize} tokens of ${patchSize} x ${patchSize} pixels`,
      Codes: `${codes} of width ${codeWidth}`,
      'Image size': imageSize,
      Parameters: model.parameterCount(),
      'Training images': train.length,
    },
    async evaluate() {
      latest = await evaluateAll();
      for (const evaluation of latest) await writeReconstructions(folder.samples, evaluation, imageSize);
      return latest.map(({ split, metrics: { psnr, usedCodes, perplexity } }) => ({
        split,
        values: { psnr, usedCodes, codePerplexity: perplexity },
      }));
    },
    async finalEvaluation() {
      const reconstruction = latest ?? (await evaluateAll());
      const report: ReconstructionReport[] = [];
      for (const evaluation of reconstruction) {
        await writeReconstructions(folder.samples, evaluation, imageSize);
        const grid = await reconstructionGrid(evaluation, imageSize);
        const { split, metrics } = evaluation;
        report.push({ split, metrics, pictures: `data:image/png;base64,${grid.toString('base64')}` });
      }
      return { retrieval: [], classification: [], reconstruction, report: { reconstruction: report } };
    },
    loaderStats: () => loader.stats,
    close: () => loader.close(),
  };
}
