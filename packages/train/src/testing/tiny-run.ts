/** A small configuration for tests of whole runs. */
import type { RunConfig } from '../config/schema.ts';
import { loadConfig } from '../load-config.ts';

/** The configuration of a run with a few small steps. */
export const tinyConfig = (...set: string[]): Promise<RunConfig> =>
  loadConfig({
    preset: 'tiny',
    set: [
      'data.workers=0',
      'data.dataset=tiny',
      'tokenizer.vocabularySize=560',
      'model.text.contextLength=10',
      'model.text.width=8',
      'model.vision.width=8',
      'model.embedDim=8',
      'training.batchSize=6',
      'training.epochs=2',
      'schedule.warmupSteps=1',
      // What takes little time is not the same on every machine.
      ...['evaluation.everyEpochs=null', 'evaluation.batchSize=6'],
      'runtime.peakGflops=1',
      ...set,
    ],
  });
