import { loadTokenizer, type Tokenizer } from '@tessera/data';
import { CLIP, createImageTower, ImageClassifier, VQTokenizer } from '@tessera/models';
import { init } from '@tessera/nn';
import { clipConfigOf } from '../config/clip.ts';
import { type ClassifyConfig, type ContrastiveConfig, loadConfig, type VQConfig } from '../config/index.ts';
import { type Checkpoint, loadModelState, readCheckpoint } from '../loop/checkpoint.ts';
import { findCheckpoint, findRun } from './run-folder.ts';

/** A trained CLIP model with its words. */
export interface LoadedCLIP {
  readonly task: 'contrastive';
  readonly config: ContrastiveConfig;
  readonly checkpoint: Checkpoint;
  readonly model: CLIP;
  readonly tokenizer: Tokenizer;
}

/** A trained classifier. The names of its classes are those of its training data. */
export interface LoadedClassifier {
  readonly task: 'classify';
  readonly config: ClassifyConfig;
  readonly checkpoint: Checkpoint;
  readonly model: ImageClassifier;
}

/** A trained tokenizer of images. */
export interface LoadedVQ {
  readonly task: 'vq';
  readonly config: VQConfig;
  readonly checkpoint: Checkpoint;
  readonly model: VQTokenizer;
}

/**
 * Loads a run's model, from its latest checkpoint or the one that the path names.
 *
 * @throws where there is no run or checkpoint, or the two do not belong together
 */
export async function loadRun(path: string): Promise<LoadedCLIP | LoadedClassifier | LoadedVQ> {
  const checkpoint = await readCheckpoint(await findCheckpoint(path));
  const folder = await findRun(path);
  if (folder === null) throw new Error(`${path}: is not in a run's folder: there is no config.yaml`);
  const config = await loadConfig({ base: folder.config });
  switch (config.task) {
    case 'contrastive': {
      const tokenizer = await loadTokenizer(folder.tokenizer);
      const model = init.skipInit(() => new CLIP(clipConfigOf(config, tokenizer.vocabSize)));
      loadModelState(checkpoint, model, config);
      return { task: config.task, config, checkpoint, model, tokenizer };
    }
    case 'classify': {
      if (config.model === null) throw new Error(`${folder.config}: says no model`);
      const { vision, embedDim, activation } = config.model;
      const head = checkpoint.modelState().get('head.bias');
      if (head === undefined) throw new Error(`${checkpoint.path}: holds no classifier: there is no head.bias`);
      const model = init.skipInit(
        () => new ImageClassifier(createImageTower(vision, embedDim, { activation }), head.shape[0]),
      );
      loadModelState(checkpoint, model, config);
      return { task: config.task, config, checkpoint, model };
    }
    case 'vq': {
      const model = init.skipInit(() => new VQTokenizer(config.model));
      loadModelState(checkpoint, model, config);
      return { task: config.task, config, checkpoint, model };
    }
    default:
      return config satisfies never;
  }
}
