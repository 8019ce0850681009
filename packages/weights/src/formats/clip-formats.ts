import type { CLIPConfig } from '@tessera/models';
import { CLIP, VisionTransformer } from '@tessera/models';
import type { ActivationName, Module, StateDict } from '@tessera/nn';
import {
  clipConfigFromHuggingFace,
  clipConfigFromOpenClip,
  clipConfigFromShapes,
  describeClip,
  describedConfig,
  huggingFaceConfig,
  openClipConfig,
} from './clip-config.ts';
import { customTextNames, huggingFaceNames, openaiNames } from './clip-names.ts';
import type { BuiltModel, ModelHints, WeightFormat } from './format.ts';

interface ConfigKind {
  readonly file: string;
  /** Says more than the shapes do. */
  read(json: unknown, sizes: CLIPConfig): CLIPConfig;
  /** What the makers of such files have where nothing says it. */
  readonly activation: ActivationName;
}

const openClip: ConfigKind = { file: 'open_clip_config.json', read: clipConfigFromOpenClip, activation: 'gelu' };
const openai: ConfigKind = { ...openClip, activation: 'quickgelu' };
const huggingFace: ConfigKind = { file: 'config.json', read: clipConfigFromHuggingFace, activation: 'quickgelu' };

/** The model that the shapes describe, with the heads and the activation that the best source says. */
function build(state: StateDict, { description, configFiles, activation }: ModelHints, kind: ConfigKind): BuiltModel {
  const sizes = clipConfigFromShapes(state, activation ?? kind.activation);
  if (description !== undefined) return { model: new CLIP(describedConfig(description, sizes)), assumptions: [] };
  const configFile = configFiles?.[kind.file];
  if (configFile !== undefined) return { model: new CLIP(kind.read(configFile, sizes)), assumptions: [] };
  const assumptions = [
    'heads are 64 wide',
    ...(activation === undefined ? [`the activation is ${kind.activation}`] : []),
  ];
  return { model: new CLIP(sizes), assumptions };
}

/** Numbers that OpenAI's archives hold beside the parameters, and masks that follow from the configuration. */
const ignored = ['input_resolution', 'context_length', 'vocab_size', 'attn_mask', '**.attn_mask'];
const positionIds = ['text_model.embeddings.position_ids', 'vision_model.embeddings.position_ids'];

const stores = (model: Module): boolean => model instanceof CLIP;
const describe = (model: Module): object => describeClip((model as CLIP).config);
const noConfigFile = (): null => null;

const hasPart = (names: ReadonlySet<string>, prefix: string): boolean =>
  [...names].some((name) => name.startsWith(prefix));

export const clipFormats: readonly WeightFormat[] = [
  {
    names: 'hugging-face',
    title: "Hugging Face's CLIPModel",
    recognizes: (names) => hasPart(names, 'text_model.') && hasPart(names, 'vision_model.'),
    table: huggingFaceNames,
    ignored: positionIds,
    build: (state, hints) => build(state, hints, huggingFace),
    stores: (model) => model instanceof CLIP && model.visual instanceof VisionTransformer && model.logit_bias === null,
    describe,
    configFile: (model) => ({ name: huggingFace.file, content: huggingFaceConfig((model as CLIP).config) }),
  },
  {
    names: 'open-clip',
    title: "OpenCLIP's CustomTextCLIP",
    recognizes: (names) => names.has('text.token_embedding.weight') && hasPart(names, 'visual.'),
    table: customTextNames,
    ignored,
    build: (state, hints) => build(state, hints, openClip),
    // Its other class has OpenAI's names, and is what OpenCLIP builds for the same configuration.
    stores: () => false,
    describe,
    configFile: noConfigFile,
  },
  {
    names: 'openai',
    title: "OpenAI's CLIP",
    recognizes: (names) => names.has('token_embedding.weight') && names.has('text_projection'),
    table: openaiNames,
    ignored,
    // OpenCLIP's files differ from OpenAI's by their configuration alone.
    build: (state, hints) => build(state, hints, openai),
    stores,
    describe,
    configFile: noConfigFile,
  },
  {
    names: 'open-clip',
    title: "OpenCLIP's CLIP",
    recognizes: () => false,
    table: openaiNames,
    ignored,
    build: (state, hints) => build(state, hints, openClip),
    stores,
    describe,
    configFile: (model) => ({ name: openClip.file, content: openClipConfig((model as CLIP).config) }),
  },
];
