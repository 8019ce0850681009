/** The interface of a weight format: how one library stores one kind of model. */
import type { ActivationName, Module, StateDict } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { NameTable } from './names.ts';
import type { ConfigFile, Preprocessing } from './preprocessing.ts';

/** The libraries whose tensor names are supported. */
export type WeightNames = 'openai' | 'open-clip' | 'hugging-face' | 'timm' | 'torchvision' | 'tessera';

/** What is known about a model in addition to its tensors. */
export interface ModelHints {
  /** The parsed configuration files from the folder of the weights, by name: config.json, open_clip_config.json. */
  readonly configFiles?: Readonly<Record<string, unknown>>;
  /** The result of `describe` when the file was written. It is read from a file, so it is checked like one. */
  readonly description?: unknown;
  /** CLIP's activation, if the files do not specify it. */
  readonly activation?: ActivationName;
}

/** A model that was built for a file but does not have the file's values yet, and the assumptions that were made. */
export interface BuiltModel {
  readonly model: Module;
  readonly assumptions: readonly string[];
}

/** What a folder of a library says about a model besides its layers. */
export interface FolderFacts {
  /** The names of a classifier's classes, in the order of its logits; null: none, or not known. */
  readonly classNames: readonly string[] | null;
  /** Whether an image can have several of the classes, each with a probability of its own. */
  readonly multiLabel: boolean;
  /** How images become the model's input; null: not known. */
  readonly preprocessing: Preprocessing | null;
  /** Whether the folder has a tokenizer of its own, other than the one that the library has built in. */
  readonly ownTokenizer: boolean;
}

/** The way in which one library stores one kind of model. */
export interface WeightFormat {
  readonly names: WeightNames;
  /** A description for messages. */
  readonly title: string;
  /** A tensor that every model of this format has: models below a prefix are found by it. */
  readonly anchor: string;
  /** Whether a file with these tensor names has this format. */
  recognizes(names: ReadonlySet<string>): boolean;
  readonly table: NameTable;
  /** Patterns of entries that are not part of the model, and which need not be mentioned. */
  readonly ignored: readonly string[];
  /** Patterns of tensors that training methods add to the model: they are left out, and the user is told. */
  readonly additions?: readonly string[];
  /** Rewrites tensors of a variant that needs more than other names. @param state the file's tensors under their own names */
  variant?(state: StateDict): Map<string, Tensor>;
  /** Builds the model. @param state the file's tensors under Tessera's names */
  build(state: StateDict, hints: ModelHints): BuiltModel;
  /** Rewrites tensors of the file, for what needs more than other names: the inverse of `variant`. */
  rewrite?(state: StateDict): Map<string, Tensor>;
  /** Whether a model can be stored in this format. */
  stores(model: Module): boolean;
  /**
   * Why a model of the format's kind cannot be stored: what the library does not have, with the setting that asks for it. Null: it can be
   * stored, or it is of another kind.
   */
  refusal?(model: Module): string | null;
  /** The settings of the model that do not follow from its tensors' shapes, as JSON. */
  describe(model: Module): object;
  /** The configuration files for the folder of the weights. @throws if the library does not have such a model */
  configFiles(model: Module, facts: FolderFacts): readonly ConfigFile[];
}
