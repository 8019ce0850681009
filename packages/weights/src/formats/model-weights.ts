/** Models from named tensors, and back: recognizes the format, checks the names, builds the model. */
import { ImageClassifier, type Normalization } from '@tessera/models';
import { closestName, init, type Module, type StateDict } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { chooseWith } from '../files/stored-tensor.ts';
import { configuredClassNames, configuredMultiLabel } from './class-names.ts';
import { clipFormats } from './clip-formats.ts';
import { foldedClassifier } from './fold-head.ts';
import type { FolderFacts, ModelHints, WeightFormat, WeightNames } from './format.ts';
import { huggingFaceClassifiers } from './hugging-face-classifiers.ts';
import { huggingFaceViT } from './hugging-face-vit.ts';
import { imageFormats } from './image-formats.ts';
import { abridged, type LocatedModel, locateModel, tensorsOf } from './locate.ts';
import { matchesAny, type NameTable, theirNames, toOurNames, toTheirNames } from './names.ts';
import { type ConfigFile, configuredNormalization } from './preprocessing.ts';
import { timmFormats } from './timm-formats.ts';

/** All formats. The first that recognizes a file is used. */
const formats: readonly WeightFormat[] = [
  ...clipFormats,
  ...imageFormats,
  ...timmFormats,
  huggingFaceViT,
  ...huggingFaceClassifiers,
];

/** All libraries whose names can be read and written. */
export const weightNames: readonly WeightNames[] = [...new Set(formats.map(({ names }) => names))];

/** The names of configuration files that are read from the folder of the weights. */
export const configFileNames: readonly string[] = ['config.json', 'open_clip_config.json', 'preprocessor_config.json'];

export interface WeightSource extends ModelHints {
  /** A file's tensors by name, floating-point ones in any precision. */
  readonly state: StateDict;
  /** The library whose names they have. Default: recognized by the names. */
  readonly names?: WeightNames;
  /** The keys of a checkpoint of which each contains a model, for messages. */
  readonly choices?: readonly string[];
}

export interface ModelFromWeights {
  readonly model: Module;
  readonly names: WeightNames;
  /** A description of the file, for messages. */
  readonly title: string;
  /** Settings that the files do not specify, with the values that were assumed. */
  readonly assumptions: readonly string[];
  /** What a user should know about how the model was found in the file, a sentence each. */
  readonly notes: readonly string[];
  /** The names of a classifier's classes, where a configuration file has them. */
  readonly classNames: readonly string[] | null;
  /** Whether a file says that an image can have several of the classes. */
  readonly multiLabel: boolean;
  /** How the model's images are normalized, where a configuration file says it. */
  readonly normalization: Normalization | null;
}

/**
 * Builds the model for a file's tensors and loads their values as f32. Sizes follow from shapes. Other settings (heads, activation) come
 * from `configFiles` or `description`, or are assumed as in OpenAI's loader.
 *
 * @throws if no format fits, or if names are missing or unexpected; the message lists them in the file's spelling, with similar names
 */
export function modelFromWeights({ state: given, names, choices = [], ...hints }: WeightSource): ModelFromWeights {
  const located = recognize(new Set(given.keys()), names, choices);
  const { format } = located;
  const { state: stored, notes } = tensorsOf(given, located);
  const own = format.variant?.(stored) ?? stored;
  const added = [...own.keys()].filter((name) => matchesAny(name, format.additions ?? []));
  const state = new Map(
    [...own].filter(([name]) => !matchesAny(name, format.ignored) && !matchesAny(name, format.additions ?? [])),
  );
  const ours = toOurNames(state, format.table);
  try {
    const { model, assumptions } = init.skipInit(() => format.build(ours, hints));
    // PyTorch counts batches since version 1.0; nothing here depends on the count.
    for (const [name, count] of model.namedBuffers())
      if (name.endsWith('num_batches_tracked') && !ours.has(name)) ours.set(name, count.detach());
    added.push(...dropStrayNumbers(model, state, ours, format));
    checkNames(model, state, ours, format);
    reshapeScalars(model, ours);
    model.loadStateDict(ours);
    const additions = added.length === 0 ? [] : [`left out, as not part of ${format.title}: ${abridged(added)}`];
    return {
      model,
      names: format.names,
      title: format.title,
      assumptions,
      notes: [...notes, ...additions],
      classNames: configuredClassNames(hints.configFiles ?? {}),
      multiLabel: configuredMultiLabel(hints.configFiles ?? {}),
      normalization: configuredNormalization(hints.configFiles ?? {}),
    };
  } catch (cause) {
    throw new Error(`looks like ${format.title}, but ${(cause as Error).message}`, { cause });
  }
}

/** Removes single numbers that are stored next to the model's modules, such as an accuracy. @returns their names */
function dropStrayNumbers(
  model: Module,
  state: Map<string, Tensor>,
  ours: Map<string, Tensor>,
  format: WeightFormat,
): string[] {
  const own = new Set([...model.stateDict().keys()].flatMap((name) => theirNames(name, format.table)));
  const stray = [...state].flatMap(([name, { size }]) =>
    size === 1 && !name.includes('.') && !own.has(name) ? [name] : [],
  );
  for (const name of stray) {
    state.delete(name);
    ours.delete(name);
  }
  return stray;
}

/** Some programs store a single number, such as CLIP's logit_scale, with one axis. */
function reshapeScalars(model: Module, ours: Map<string, Tensor>): void {
  for (const [name, { shape }] of model.stateDict()) {
    const given = ours.get(name);
    if (shape.length === 0 && given !== undefined && given.ndim > 0 && given.size === 1)
      ours.set(name, given.reshape([]));
  }
}

/**
 * The model in a file with tensors of these names: a description, and what stands before the names. Null if no format recognizes one.
 *
 * @throws if it contains several models
 */
export function findModel(names: Iterable<string>): { readonly title: string; readonly prefix: string } | null {
  const located = locateModel(new Set(names), formats);
  return located === null ? null : { title: located.format.title, prefix: located.prefix };
}

function recognize(
  found: ReadonlySet<string>,
  names: WeightNames | undefined,
  choices: readonly string[],
): LocatedModel {
  const allowed = names === undefined ? formats : formats.filter((format) => format.names === names);
  const located = locateModel(found, allowed);
  if (located !== null) return located;
  const chosen = names === undefined ? undefined : allowed.at(-1);
  if (chosen !== undefined) return { format: chosen, prefix: '' };
  const sample = [...found].slice(0, 5).join(', ');
  const hint = choices.length === 0 ? '' : `; it has the keys ${choices.join(', ')}: ${chooseWith}`;
  throw new Error(
    `contains ${found.size} tensors of an unknown model (${sample}${found.size > 5 ? ', ...' : ''})${hint}; known models: ${formats.map(({ title }) => title).join('; ')}`,
  );
}

const listed = 30;

function checkNames(model: Module, state: StateDict, ours: StateDict, { table }: WeightFormat): void {
  const own = [...model.stateDict().keys()];
  const missing = own
    .filter((name) => !ours.has(name))
    .flatMap((name) => theirNames(name, table))
    .filter((name) => !state.has(name));
  const wanted = new Set(own.flatMap((name) => theirNames(name, table)));
  const unexpected = [...state.keys()].filter((name) => !wanted.has(name));
  const problems: (() => string)[] = [
    ...missing.map((name) => () => `missing: ${name}`),
    ...unexpected.map((name) => () => {
      const near = closestName(name, missing.length > 0 ? missing : wanted);
      return `unexpected: ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}`;
    }),
  ];
  if (problems.length === 0) return;
  // Similar names are looked up only for the problems that are shown: a file can have any number of names.
  const shown = problems.slice(0, listed).map((describe) => describe());
  if (problems.length > listed) shown.push(`... and ${problems.length - listed} more`);
  throw new Error(['its names do not match the model', ...shown].join('\n  '));
}

export interface StoredWeights {
  readonly names: WeightNames;
  readonly state: Map<string, Tensor>;
  /** The `description` that the file must contain so that `modelFromWeights` builds the same model. */
  readonly description: object;
  /** The configuration files that the library stores with the weights. */
  readonly configFiles: readonly ConfigFile[];
}

/** Whether `weightsOf` has a format for the model. */
export const isKnownModel = (model: Module): boolean => formats.some((format) => format.stores(model));

/**
 * The settings of a model that do not follow from the shapes of its tensors, as its file contains them under Tessera's own names; null
 * where `weightsOf` has no format for the model.
 */
export const descriptionOf = (model: Module): object | null => {
  const possible = formats.filter((format) => format.stores(model));
  return ownFormat(possible)?.describe(model) ?? null;
};

/** Of the formats that store a model, the one with the names of Tessera's modules. */
const ownFormat = (possible: readonly WeightFormat[]): WeightFormat | undefined =>
  possible.find((own) => own.names === 'openai') ?? possible[0];

/** The names that Hugging Face has for a model's tensors; null where the model cannot be stored under them. */
export const huggingFaceTable = (model: Module): NameTable | null =>
  formats.find((format) => format.names === 'hugging-face' && format.stores(model))?.table ?? null;

const noFacts: FolderFacts = {
  classNames: null,
  multiLabel: false,
  preprocessing: null,
  ownTokenizer: false,
};

/** The models that a library may have for a model: itself, and for a classifier its tower with the classes in its head. */
function* expressions(model: Module): Generator<Module> {
  yield model;
  const folded = model instanceof ImageClassifier ? foldedClassifier(model) : null;
  if (folded !== null) yield folded;
}

/**
 * A model's parameters and buffers under the names of one of the formats. A classifier on a Vision Transformer or ResNet becomes that
 * model with the classes in its head, where the library has no other name for it.
 *
 * @param names default: the names of Tessera's modules
 * @param facts what the configuration files say besides
 * @throws if the model cannot be stored under these names; the message names the settings that the library lacks
 */
export function weightsOf(model: Module, names?: WeightNames, facts: FolderFacts = noFacts): StoredWeights {
  const supported = new Set<WeightNames>();
  const reasons = new Set<string>();
  for (const subject of expressions(model)) {
    const possible = formats.filter((format) => format.stores(subject));
    const format = names === undefined ? ownFormat(possible) : possible.find((own) => own.names === names);
    if (format !== undefined) {
      const state = toTheirNames(stateOf(subject), format.table);
      return {
        names: format.names,
        state: format.rewrite?.(state) ?? state,
        description: format.describe(subject),
        configFiles: format.configFiles(subject, facts),
      };
    }
    for (const own of possible) supported.add(own.names);
  }
  // A tower that no library has was not folded, and is asked itself.
  for (const part of [...expressions(model), ...(model instanceof ImageClassifier ? [model.visual] : [])])
    for (const own of formats) {
      const reason = names === undefined || own.names === names ? (own.refusal?.(part) ?? null) : null;
      if (reason !== null) reasons.add(reason);
    }
  const why = reasons.size === 0 ? '' : `. ${[...reasons].join('. ')}`;
  throw new Error(
    supported.size === 0
      ? `${describedModel(model)} cannot be stored: no format supports it${why}`
      : `${describedModel(model)} cannot be stored under the names of ${names}; supported: ${[...supported].join(', ')}${why}`,
  );
}

/** The tensors of a model; of a classifier only those that its logits are computed from, not what its training needs. */
const stateOf = (model: Module): StateDict =>
  model instanceof ImageClassifier
    ? new Map([...model.stateDict()].filter(([name]) => /^(visual|head)\./.test(name)))
    : model.stateDict();

/** The class of a model, and of a classifier's tower. */
const describedModel = (model: Module): string =>
  model instanceof ImageClassifier
    ? `${model.constructor.name} on ${model.visual.constructor.name}`
    : model.constructor.name;
