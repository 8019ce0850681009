import type { ActivationName, Module, StateDict } from '@tessera/nn';
import type { NameTable } from './names.ts';

/** Whose names a file's tensors have. */
export type WeightNames = 'openai' | 'open-clip' | 'hugging-face' | 'timm' | 'torchvision' | 'tessera';

/** What is known of a model besides its tensors. */
export interface ModelHints {
  /** The parsed configuration files that lay beside the weights, by name: config.json, open_clip_config.json. */
  readonly configFiles?: Readonly<Record<string, unknown>>;
  /** What `describe` gave when the file was written; a file may say anything, so it is checked like one. */
  readonly description?: unknown;
  /** CLIP's activation, where nothing else says it. */
  readonly activation?: ActivationName;
}

/** A model built from a file, without the file's values yet, and what had to be guessed. */
export interface BuiltModel {
  readonly model: Module;
  readonly assumptions: readonly string[];
}

export interface ConfigFile {
  readonly name: string;
  readonly content: object;
}

/** One way in which a kind of model is stored. */
export interface WeightFormat {
  readonly names: WeightNames;
  /** For messages. */
  readonly title: string;
  /** Whether a file with these names is one of this format's. */
  recognizes(names: ReadonlySet<string>): boolean;
  readonly table: NameTable;
  /** Patterns of entries that hold nothing of the model. */
  readonly ignored: readonly string[];
  /** Builds the model. @param state the file's tensors under our names */
  build(state: StateDict, hints: ModelHints): BuiltModel;
  /** Whether a model can be stored so. */
  stores(model: Module): boolean;
  /** What the tensors' shapes do not say about the model, as JSON. */
  describe(model: Module): object;
  /** The configuration file that belongs beside the weights; null for none. @throws where the format has no such model */
  configFile(model: Module): ConfigFile | null;
}
