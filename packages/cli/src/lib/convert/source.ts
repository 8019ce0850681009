/** What npm run convert reads: a run, or a file or folder of weights. */
import type { Tokenizer } from '@tessera/data';
import { CLIP, clipNormalization } from '@tessera/models';
import type { ActivationName, Module } from '@tessera/nn';
import { findRun, type LoadedRun, loadRun, tokenizerBeside } from '@tessera/train';
import { type FolderFacts, loadWeights, storedClassNames, type WeightNames } from '@tessera/weights';
import { toCaller } from '../call.ts';

export interface Source {
  readonly model: Module;
  readonly title: string;
  readonly assumptions: readonly string[];
  readonly notes: readonly string[];
  /** The tokenizer of a run, or of the files in the folder. */
  readonly text?: { readonly tokenizer: Tokenizer; readonly contextLength: number };
  readonly classNames: FolderFacts['classNames'];
  readonly multiLabel: boolean;
  readonly preprocessing: FolderFacts['preprocessing'];
  /** The run, where the source is one. */
  readonly run: LoadedRun | null;
}

interface SourceOptions {
  readonly names?: WeightNames;
  readonly key?: string;
  readonly activation?: ActivationName;
}

const preprocessingOf = (imageSize: number): Source['preprocessing'] => ({
  imageSize,
  normalization: clipNormalization,
});

/** @throws for a file that cannot be read, and for a model of an unknown kind */
export async function readSource(path: string, options: SourceOptions): Promise<Source> {
  if ((await findRun(path)) !== null) {
    const run = await loadRun(path);
    const { model, text, imageSize, metadata = {} } = run.subject;
    const classNames = storedClassNames(metadata);
    return {
      model,
      title: `the run's checkpoint ${toCaller(run.checkpoint.path)}`,
      ...{ assumptions: [], notes: [], classNames, preprocessing: preprocessingOf(imageSize), run },
      multiLabel: run.task.name === 'multi-label',
      ...(text === undefined ? {} : { text }),
    };
  }
  const { model, classNames, ...loaded } = await loadWeights(path, options);
  const source = { ...loaded, model, classNames, preprocessing: null, run: null };
  if (!(model instanceof CLIP)) return source;
  const { vocabularySize, contextLength } = model.text;
  const tokenizer = await tokenizerBeside(path, vocabularySize);
  return {
    ...source,
    // All files of CLIP models that are read have OpenAI's preprocessing.
    preprocessing: preprocessingOf(model.visual.inputResolution),
    ...(tokenizer === null ? {} : { text: { tokenizer, contextLength } }),
  };
}
