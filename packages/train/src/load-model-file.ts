/** Loads models from files of weights outside of a run: CLIP, and classifiers that know their classes. */
import {
  CLIP,
  clipNormalization,
  createImageTower,
  ImageClassifier,
  type Normalization,
  ResNet,
  ViT,
} from '@tessera/models';
import { init } from '@tessera/nn';
import {
  type ImageModelConfig,
  imageModelOf,
  type LoadedWeights,
  loadWeights,
  undescribedParts,
} from '@tessera/weights';
import { loadConfig } from './load-config.ts';
import { LoadedModel } from './loaded-model.ts';
import type { Checkpoint } from './loop/checkpoint.ts';
import { classifierSubject, classify } from './tasks/classify/index.ts';
import type { ClassifyConfig } from './tasks/classify/settings.ts';
import { findClipTokenizer } from './tasks/contrastive/find-tokenizer.ts';
import { clipSubject, contrastive } from './tasks/contrastive/index.ts';
import type { ContrastiveConfig } from './tasks/contrastive/settings.ts';
import type { CompleteConfig } from './tasks/image-classifier.ts';
import type { ImageModel } from './tasks/image-tower-file.ts';
import { multiLabelSubject, multiLabel as multiLabelTask } from './tasks/multi-label/index.ts';
import { MultiLabelClassifier } from './tasks/multi-label/objective.ts';
import type { MultiLabelConfig } from './tasks/multi-label/settings.ts';
import { asTaskModel } from './tasks/task.ts';

/** A model from a file of weights. */
export class LoadedFile extends LoadedModel {
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

type FileFacts = Pick<LoadedFile, 'checkpoint' | 'assumptions' | 'notes'>;

const factsOf = ({ path, assumptions, notes, model }: LoadedWeights): FileFacts => ({
  checkpoint: { path, modelState: () => model.stateDict() },
  assumptions,
  notes,
});

/** @throws where the tokenizer is neither in the folder nor OpenAI's */
async function loadClip(path: string, loaded: LoadedWeights, source: CLIP): Promise<LoadedFile> {
  const { vocabularySize } = source.text;
  const tokenizer = await findClipTokenizer(path, vocabularySize);
  if (tokenizer === null)
    throw new Error(
      `${loaded.path}: the text tower has ${vocabularySize} tokens, so its tokenizer is not OpenAI's; put its own (tokenizer.json) into the folder and name the folder`,
    );
  // A separate model, so that loading other values into it does not change those of the file.
  const model = init.skipInit(() => new CLIP(source.config));
  model.loadStateDict(source.stateDict());
  const config = await loadConfig({ set: [`task=${contrastive.name}`] });
  return new LoadedFile({
    task: contrastive,
    config,
    subject: asTaskModel(clipSubject(model, tokenizer, config as ContrastiveConfig)),
    ...factsOf(loaded),
  });
}

/** A Vision Transformer or ResNet with classes as a tower without a head, and a linear layer. */
function asClassifier(model: ViT | ResNet, config: ImageModelConfig): ImageClassifier {
  const layer = model instanceof ViT ? 'head.' : 'fc.';
  const features = { ...config, embedDim: 0 };
  const whole = new ImageClassifier(createImageTower(features.vision, 0, features), model.outputDim);
  const names = [...model.stateDict()].map(
    ([name, value]) => [name.startsWith(layer) ? `head.${name.slice(layer.length)}` : `visual.${name}`, value] as const,
  );
  whole.loadStateDict(new Map(names));
  return whole;
}

async function loadClassifier(loaded: LoadedWeights, classNames: readonly string[]): Promise<LoadedFile> {
  const { model, path, title, normalization, multiLabel } = loaded;
  const image = imageModelOf(model);
  const isKnown = model instanceof ImageClassifier || model instanceof ViT || model instanceof ResNet;
  if (image === null || !isKnown)
    throw new Error(
      `${path}: is ${title} with ${undescribedParts(model).join(' and ') || 'other parts'}, which cannot be evaluated outside of its run`,
    );
  if (normalization !== null && !sameNumbers(normalization, clipNormalization))
    throw new Error(
      `${path}: its images are normalized with mean ${normalization.mean.join(', ')} and std ${normalization.std.join(', ')}; only CLIP's mean ${clipNormalization.mean.join(', ')} and std ${clipNormalization.std.join(', ')} are supported`,
    );
  const classifier = model instanceof ImageClassifier ? model : init.skipInit(() => asClassifier(model, image));
  classifier.eval();
  if (classNames.length !== classifier.head.outFeatures)
    throw new Error(
      `${path}: has ${classifier.head.outFeatures} classes, but config.json has the names of ${classNames.length}`,
    );
  const task = multiLabel ? multiLabelTask : classify;
  const config = { ...(await loadConfig({ set: [`task=${task.name}`] })), model: image as ImageModel };
  return new LoadedFile({
    task,
    config,
    subject: multiLabel
      ? multiLabelSubject(asMultiLabel(classifier), config as CompleteConfig<MultiLabelConfig>, classNames)
      : classifierSubject(classifier, config as CompleteConfig<ClassifyConfig>, classNames, null),
    ...factsOf({ ...loaded, model: classifier }),
  });
}

function asMultiLabel({ visual, head }: ImageClassifier): MultiLabelClassifier {
  const model = init.skipInit(() => new MultiLabelClassifier(visual, head.outFeatures, false));
  model.head.loadStateDict(head.stateDict());
  return model;
}

const sameNumbers = (a: Normalization, b: Normalization): boolean =>
  [...a.mean, ...a.std].every((value, k) => Math.abs(value - ([...b.mean, ...b.std][k] ?? 0)) < 1e-6);

/**
 * Loads CLIP or a classifier from a file or folder of weights outside of a run (see `loadWeights`). `config` contains the default
 * settings.
 *
 * @throws where it is another model, where CLIP's tokenizer is neither in its folder nor OpenAI's, and where a classifier's classes have no
 *   names
 */
export async function loadModelFile(path: string): Promise<LoadedFile> {
  const loaded = await loadWeights(path);
  if (loaded.model instanceof CLIP) return loadClip(path, loaded, loaded.model);
  if (loaded.classNames !== null) return loadClassifier(loaded, loaded.classNames);
  throw new Error(
    `${loaded.path}: is ${loaded.title}; outside of a run only CLIP can be evaluated, because its classes are texts, and classifiers whose file has the names of the classes`,
  );
}
