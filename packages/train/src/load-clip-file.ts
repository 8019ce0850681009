/** Loads CLIP weights that were trained elsewhere. */
import { CLIP } from '@tessera/models';
import { init } from '@tessera/nn';
import { loadWeights } from '@tessera/weights';
import { loadConfig } from './load-config.ts';
import { LoadedModel } from './loaded-model.ts';
import type { Checkpoint } from './loop/checkpoint.ts';
import { findClipTokenizer } from './tasks/contrastive/find-tokenizer.ts';
import { clipSubject, contrastive } from './tasks/contrastive/index.ts';
import type { ContrastiveConfig } from './tasks/contrastive/settings.ts';
import { asTaskModel } from './tasks/task.ts';

/** A CLIP model that was trained elsewhere, with its tokenizer. */
export class LoadedCLIPFile extends LoadedModel {
  readonly checkpoint: Pick<Checkpoint, 'path' | 'modelState'>;
  /** What was assumed because no file specifies it. */
  readonly assumptions: readonly string[];
  /** What a user should know about how the model was found in the file, a sentence each. */
  readonly notes: readonly string[];

  constructor({ checkpoint, assumptions, notes, ...parts }: ConstructorParameters<typeof LoadedModel>[0] & FileFacts) {
    super(parts);
    this.checkpoint = checkpoint;
    this.assumptions = assumptions;
    this.notes = notes;
  }
}

type FileFacts = Pick<LoadedCLIPFile, 'checkpoint' | 'assumptions' | 'notes'>;

/**
 * Loads CLIP from a file or folder of weights outside of a run (see `loadWeights`). `config` contains the default settings.
 *
 * @throws where it is not a CLIP model, or its tokenizer is neither in its folder nor OpenAI's
 */
export async function loadCLIPFile(path: string): Promise<LoadedCLIPFile> {
  const { model: source, path: file, title, assumptions, notes } = await loadWeights(path);
  if (!(source instanceof CLIP))
    throw new Error(`${file}: is ${title}; outside of a run only CLIP can be evaluated, because its classes are texts`);
  const { vocabularySize } = source.text;
  const tokenizer = await findClipTokenizer(path, vocabularySize);
  if (tokenizer === null)
    throw new Error(
      `${file}: the text tower has ${vocabularySize} tokens, so its tokenizer is not OpenAI's; put its own (tokenizer.json) into the folder and name the folder`,
    );
  // A separate model, so that loading other values into it does not change those of the file.
  const model = init.skipInit(() => new CLIP(source.config));
  model.loadStateDict(source.stateDict());
  const config = await loadConfig({ set: [`task=${contrastive.name}`] });
  return new LoadedCLIPFile({
    task: contrastive,
    config,
    checkpoint: { path: file, modelState: () => source.stateDict() },
    subject: asTaskModel(clipSubject(model, tokenizer, config as ContrastiveConfig)),
    assumptions,
    notes,
  });
}
