/** A small run of CLIP, for the tests. */
import { loadConfig, RunFolder, trainModel } from '@tessera/train';

/** Trains CLIP in Node on the dataset of `writeTinyDataset`, until it finds the images by their captions. */
export async function trainTinyClip(data: string, folder: string): Promise<void> {
  const config = await loadConfig({
    preset: 'tiny',
    set: [
      ...['data.workers=0', 'data.augmentation=null', 'data.captionChoice=first', 'tokenizer.vocabularySize=560'],
      ...['model.text.contextLength=10', 'model.text.width=16', 'model.embedDim=16'],
      'model.vision={kind: vit, imageSize: 16, patchSize: 4, width: 32, layers: 1, heads: 2}',
      ...['training.batchSize=24', 'training.epochs=40', 'optimizer.lr=5e-3', 'schedule.warmupSteps=5'],
      ...['evaluation.everyEpochs=null', 'evaluation.batchSize=12', 'runtime.peakGflops=1'],
    ],
  });
  await trainModel({ config, dataset: data, folder: new RunFolder(folder), resume: null });
}
