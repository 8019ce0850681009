/** The formats in which CLIP models are stored: OpenAI, OpenCLIP and Hugging Face. */
import type { CLIPConfig } from '@tessera/models';
import { CLIP } from '@tessera/models';
import type { ActivationName, Module, StateDict } from '@tessera/nn';
import {
  clipConfigFromHuggingFace,
  clipConfigFromOpenClip,
  clipConfigFromShapes,
  describeClip,
  describedConfig,
  huggingFaceConfig,
  huggingFaceRefusal,
  openClipConfig,
  openClipRefusal,
} from './clip-config.ts';
import { customTextNames, huggingFaceNames, openaiNames } from './clip-names.ts';
import type { BuiltModel, ModelHints, WeightFormat } from './format.ts';
import { huggingFaceProcessor, openClipPreprocessing } from './preprocessing.ts';

/** A kind of configuration file. */
interface ConfigKind {
  readonly file: string;
  /** Adds the settings that do not follow from the shapes. */
  read(json: unknown, sizes: CLIPConfig): CLIPConfig;
  /** The activation that is assumed without any configuration. */
  readonly activation: ActivationName;
}

const openClip: ConfigKind = { file: 'open_clip_config.json', read: clipConfigFromOpenClip, activation: 'gelu' };
const openai: ConfigKind = { ...openClip, activation: 'quickgelu' };
const huggingFace: ConfigKind = { file: 'config.json', read: clipConfigFromHuggingFace, activation: 'quickgelu' };

/** The model that the shapes describe, with heads and activation from the description or the configuration file, or else assumed. */
function build(state: StateDict, { description, configFiles, activation }: ModelHints, kind: ConfigKind): BuiltModel {
  const sizes = clipConfigFromShapes(state, activation ?? kind.activation);
  if (description !== undefined) return { model: new CLIP(describedConfig(description, sizes)), assumptions: [] };
  const configFile = configFiles?.[kind.file];
  if (configFile !== undefined) return { model: new CLIP(kind.read(configFile, sizes)), assumptions: [] };
  const assumptions = ['64 channels per head', ...(activation === undefined ? [`activation ${kind.activation}`] : [])];
  return { model: new CLIP(sizes), assumptions };
}

/** Entries of OpenAI's archives that are not parameters: sizes, and masks that follow from the configuration. */
const ignored = ['input_resolution', 'context_length', 'vocab_size', 'attn_mask', '**.attn_mask'];
const positionIds = ['text_model.embeddings.position_ids', 'vision_model.embeddings.position_ids'];

const stores = (model: Module): boolean => model instanceof CLIP;
const describe = (model: Module): object => describeClip((model as CLIP).config);
const noConfigFiles = (): [] => [];

const hasPart = (names: ReadonlySet<string>, prefix: string): boolean =>
  [...names].some((name) => name.startsWith(prefix));

export const clipFormats: readonly WeightFormat[] = [
  {
    names: 'hugging-face',
    title: "Hugging Face's CLIPModel",
    anchor: 'text_model.embeddings.token_embedding.weight',
    recognizes: (names) => hasPart(names, 'text_model.') && hasPart(names, 'vision_model.'),
    table: huggingFaceNames,
    ignored: positionIds,
    build: (state, hints) => build(state, hints, huggingFace),
    stores: (model) => model instanceof CLIP && huggingFaceRefusal(model.config) === null,
    refusal: (model) => (model instanceof CLIP ? huggingFaceRefusal(model.config) : null),
    describe,
    configFiles: (model, { preprocessing }) => [
      { name: huggingFace.file, content: huggingFaceConfig((model as CLIP).config) },
      ...huggingFaceProcessor(preprocessing),
    ],
  },
  {
    names: 'open-clip',
    title: "OpenCLIP's CustomTextCLIP",
    anchor: 'text.token_embedding.weight',
    recognizes: (names) => names.has('text.token_embedding.weight') && hasPart(names, 'visual.'),
    table: customTextNames,
    ignored,
    build: (state, hints) => build(state, hints, openClip),
    // Written with OpenAI's names instead (the format below), from which OpenCLIP builds an equal model.
    stores: () => false,
    describe,
    configFiles: noConfigFiles,
  },
  {
    names: 'openai',
    title: "OpenAI's CLIP",
    anchor: 'token_embedding.weight',
    recognizes: (names) => names.has('token_embedding.weight') && names.has('text_projection'),
    table: openaiNames,
    ignored,
    // OpenCLIP's files have the same names; only the configuration file is different.
    build: (state, hints) => build(state, hints, openai),
    stores,
    describe,
    configFiles: noConfigFiles,
  },
  {
    names: 'open-clip',
    title: "OpenCLIP's CLIP",
    anchor: 'token_embedding.weight',
    recognizes: () => false,
    table: openaiNames,
    ignored,
    build: (state, hints) => build(state, hints, openClip),
    stores: (model) => model instanceof CLIP && openClipRefusal(model.config) === null,
    refusal: (model) => (model instanceof CLIP ? openClipRefusal(model.config) : null),
    describe,
    configFiles: (model, { preprocessing, ownTokenizer }) => [
      {
        name: openClip.file,
        content: {
          model_cfg: openClipConfig((model as CLIP).config, ownTokenizer),
          ...(preprocessing === null ? {} : { preprocess_cfg: openClipPreprocessing(preprocessing) }),
        },
      },
    ],
  },
];
