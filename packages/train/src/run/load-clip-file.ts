import { clipVocabularySize, loadClipTokenizer } from '@tessera/data';
import { CLIP } from '@tessera/models';
import { init } from '@tessera/nn';
import { loadWeights } from '@tessera/weights';
import { type ContrastiveConfig, loadConfig } from '../config/index.ts';
import type { Checkpoint } from '../loop/checkpoint.ts';
import type { LoadedCLIP } from './load-run.ts';

/** A CLIP model that was trained elsewhere, with OpenAI's words. */
export interface LoadedCLIPFile extends Omit<LoadedCLIP, 'checkpoint'> {
  readonly checkpoint: Pick<Checkpoint, 'path' | 'modelState'>;
  /** What was taken for granted because no file says it. */
  readonly assumptions: readonly string[];
}

/**
 * Loads CLIP from a file or folder of weights that lies in no run (see `loadWeights`). `config` holds the settings' defaults.
 *
 * @throws where it is another model, or its text tower was trained with another tokenizer than OpenAI's
 */
export async function loadCLIPFile(path: string): Promise<LoadedCLIPFile> {
  const { model: source, path: file, title, assumptions } = await loadWeights(path);
  if (!(source instanceof CLIP))
    throw new Error(`${file}: is ${title}; outside of a run only CLIP can be evaluated, whose classes are words`);
  const { vocabularySize } = source.text;
  if (vocabularySize !== clipVocabularySize)
    throw new Error(
      `${file}: its text tower knows ${vocabularySize} tokens, OpenAI's tokenizer has ${clipVocabularySize}: which words they are is not known`,
    );
  // A model of its own, so that the file's values stay where others are loaded into it.
  const model = init.skipInit(() => new CLIP(source.config));
  model.loadStateDict(source.stateDict());
  return {
    task: 'contrastive',
    config: (await loadConfig({})) as ContrastiveConfig,
    checkpoint: { path: file, modelState: () => source.stateDict() },
    model,
    tokenizer: await loadClipTokenizer(),
    assumptions,
  };
}
