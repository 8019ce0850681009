/** CLIP's configuration: from the tensors' shapes, and from and to the configuration files of Hugging Face and OpenCLIP. */
import {
  type CLIPConfig,
  clipActivation,
  defaultHeads,
  defaultPoolHeads,
  type TextConfig,
  type VisionConfig,
} from '@tessera/models';
import type { ActivationName, StateDict } from '@tessera/nn';
import { activationNames, huggingFaceActivations } from './activation-names.ts';
import { JsonReader } from './json-reader.ts';
import { activationIn, refusalOf } from './refusals.ts';
import { Shapes, squareSide } from './shapes.ts';

/**
 * The configuration that follows from the shapes of the tensors, under OpenAI's names. Like OpenAI's loader it assumes 64 channels per
 * head.
 *
 * @throws if a tensor that determines a size is missing or has an impossible shape
 */
export function clipConfigFromShapes(state: StateDict, activation: ActivationName): CLIPConfig {
  const shapes = new Shapes(state);
  return {
    embedDim: shapes.size('text_projection', 1, 2),
    vision: visionConfigFromShapes(state),
    text: {
      contextLength: shapes.size('positional_embedding', 0, 2),
      vocabularySize: shapes.size('token_embedding.weight', 0, 2),
      width: shapes.size('ln_final.weight', 0, 1),
      layers: shapes.count('transformer.resblocks'),
    },
    activation,
    // Only its presence matters here: the value is in the file.
    ...(shapes.has('logit_bias') ? { initialLogitBias: 0 } : {}),
  };
}

/** The configuration of the image tower, whose names start with `visual.`. */
export function visionConfigFromShapes(state: StateDict): VisionConfig {
  const shapes = new Shapes(state);
  return shapes.has('visual.proj') ? vitFromShapes(shapes) : resnetFromShapes(shapes);
}

function vitFromShapes(shapes: Shapes): VisionConfig {
  const patchSize = shapes.size('visual.conv1.weight', 3, 4);
  const places = shapes.size('visual.positional_embedding', 0, 2) - 1;
  return {
    kind: 'vit',
    imageSize: patchSize * squareSide(places, 'visual.positional_embedding'),
    patchSize,
    width: shapes.size('visual.conv1.weight', 0, 4),
    layers: shapes.count('visual.transformer.resblocks'),
  };
}

function resnetFromShapes(shapes: Shapes): VisionConfig {
  const places = shapes.size('visual.attnpool.positional_embedding', 0, 2) - 1;
  const depth = (stage: number): number => shapes.count(`visual.layer${stage}`);
  return {
    kind: 'resnet',
    imageSize: 32 * squareSide(places, 'visual.attnpool.positional_embedding'),
    width: shapes.size('visual.layer1.0.conv1.weight', 0, 4),
    layers: [depth(1), depth(2), depth(3), depth(4)],
  };
}

const sizesDiffer = 'it follows from the shapes of the weights, so the two files do not belong together';
const unsupported = 'no other value is supported';

const headsOf = (tower: VisionConfig | TextConfig): number =>
  'kind' in tower && tower.kind === 'resnet' ? defaultPoolHeads(tower) : defaultHeads(tower);

const withHeads = (config: CLIPConfig, vision: number, text: number): CLIPConfig => ({
  ...config,
  vision: { ...config.vision, heads: vision },
  text: { ...config.text, heads: text },
});

/** The settings of a model that do not follow from its shapes, as JSON. */
export const describeClip = ({ vision, text, activation = clipActivation }: CLIPConfig): object => ({
  vision_heads: headsOf(vision),
  text_heads: headsOf(text),
  activation,
});

/** The configuration from the sizes and the result of `describeClip`. */
export function describedConfig(description: unknown, sizes: CLIPConfig): CLIPConfig {
  const json = new JsonReader(description, 'description');
  return {
    ...withHeads(
      sizes,
      json.count('vision_heads', headsOf(sizes.vision)),
      json.count('text_heads', headsOf(sizes.text)),
    ),
    activation: json.choice('activation', activationNames, clipActivation),
  };
}

/**
 * Completes a configuration with the heads and the activation from Hugging Face's config.json of a `CLIPModel`. Missing keys have the
 * defaults of Hugging Face's `CLIPConfig`.
 *
 * @param sizes the configuration from the shapes
 * @throws if the file contradicts the shapes, or describes a model that is not supported
 */
export function clipConfigFromHuggingFace(json: unknown, sizes: CLIPConfig): CLIPConfig {
  const root = new JsonReader(json, 'config.json');
  const text = root.below('text_config');
  const vision = root.below('vision_config');
  root.require('projection_dim', sizes.embedDim, sizesDiffer);
  for (const [tower, { width, layers }] of [
    [text, sizes.text],
    [vision, sizes.vision],
  ] as const) {
    tower.require('hidden_size', width, sizesDiffer);
    tower.require('num_hidden_layers', layers, sizesDiffer);
    tower.require('intermediate_size', 4 * width, unsupported);
    tower.require('layer_norm_eps', 1e-5, unsupported);
  }
  vision.require('image_size', sizes.vision.imageSize, sizesDiffer);
  const activation = text.choice('hidden_act', huggingFaceActivations, 'quick_gelu');
  if (vision.choice('hidden_act', huggingFaceActivations, 'quick_gelu') !== activation)
    throw new Error('config.json: the two towers have different activations, which is not supported');
  return {
    ...withHeads(sizes, vision.count('num_attention_heads', 12), text.count('num_attention_heads', 8)),
    activation,
  };
}

/** What Hugging Face's `CLIPModel` does not have of a model; null: it can build the model. */
export const huggingFaceRefusal = ({
  vision,
  activation = clipActivation,
  initialLogitBias = null,
}: CLIPConfig): string | null =>
  refusalOf("Hugging Face's CLIPModel", [
    [vision.kind !== 'vit', `model.vision.kind=${vision.kind}`],
    activationIn(huggingFaceActivations, activation).missing,
    [initialLogitBias !== null, 'the logit_bias of loss.kind=siglip'],
  ]);

/** The config.json from which `CLIPModel.from_pretrained` builds the same model. @throws for a model that it cannot build */
export function huggingFaceConfig({ embedDim, vision, text, activation = clipActivation }: CLIPConfig): object {
  if (vision.kind !== 'vit') throw new Error("Hugging Face's CLIPModel has no ResNet tower");
  const tower = (own: VisionConfig | TextConfig): object => ({
    hidden_act: activationIn(huggingFaceActivations, activation).name,
    hidden_size: own.width,
    intermediate_size: 4 * own.width,
    layer_norm_eps: 1e-5,
    num_attention_heads: headsOf(own),
    num_hidden_layers: own.layers,
    projection_dim: embedDim,
  });
  return {
    architectures: ['CLIPModel'],
    model_type: 'clip',
    projection_dim: embedDim,
    // The end token is the last one of the vocabulary.
    text_config: {
      ...tower(text),
      model_type: 'clip_text_model',
      bos_token_id: text.vocabularySize - 2,
      eos_token_id: text.vocabularySize - 1,
      max_position_embeddings: text.contextLength,
      vocab_size: text.vocabularySize,
    },
    vision_config: {
      ...tower(vision),
      model_type: 'clip_vision_model',
      image_size: vision.imageSize,
      num_channels: 3,
      patch_size: vision.patchSize,
    },
  };
}

/** Keys of OpenCLIP's towers of which only one value is supported. A key that is in no list here must be missing. */
const openClipFixed: Readonly<Record<string, unknown>> = {
  mlp_ratio: 4,
  attentional_pool: false,
  no_ln_pre: false,
  pos_embed_type: 'learnable',
  output_tokens: false,
  qk_norm: false,
  scaled_cosine_attn: false,
  scale_heads: false,
  scale_attn_inner: false,
  scale_attn: false,
  scale_fc: false,
  block_type: 'default',
  embed_cls: false,
  no_causal_mask: false,
  proj_bias: false,
  proj_type: 'linear',
};

/** Keys that are read, or that do not change the model at inference. */
const openClipKnown = new Set(
  [
    'width layers heads head_width image_size patch_size context_length vocab_size pool_type',
    'patch_dropout final_ln_after_pool hf_tokenizer_name tokenizer_mode tokenizer_kwargs pad_id eos_id',
    'hf_model_pretrained timm_model_pretrained timm_pool timm_proj timm_proj_bias timm_drop attn_pooler_queries attn_pooler_heads',
  ].flatMap((keys) => keys.split(' ')),
);

/**
 * Completes a configuration with the heads and the activation (QuickGELU or GELU) from OpenCLIP's open_clip_config.json or one of its
 * model configurations.
 *
 * @param sizes the configuration from the shapes
 * @throws if the file contradicts the shapes, or describes a model that is not supported
 */
export function clipConfigFromOpenClip(json: unknown, sizes: CLIPConfig): CLIPConfig {
  const file = new JsonReader(json, 'open_clip_config.json');
  const root = file.has('model_cfg') ? file.below('model_cfg') : file;
  const text = root.below('text_cfg');
  const vision = root.below('vision_cfg');
  root.require('embed_dim', sizes.embedDim, sizesDiffer);
  for (const tower of [text, vision])
    for (const key of tower.keys())
      if (Object.hasOwn(openClipFixed, key)) tower.require(key, openClipFixed[key], unsupported);
      else if (!openClipKnown.has(key)) tower.require(key, null, unsupported);
  vision.require('pool_type', 'tok', unsupported);
  vision.require('width', sizes.vision.width, sizesDiffer);
  vision.require('layers', sizes.vision.layers, sizesDiffer);
  vision.require('image_size', sizes.vision.imageSize, sizesDiffer);
  text.require('pool_type', 'argmax', unsupported);
  text.require('width', sizes.text.width, sizesDiffer);
  text.require('layers', sizes.text.layers, sizesDiffer);
  const { vision: tower } = sizes;
  const attended = tower.kind === 'vit' ? tower.width : 32 * tower.width;
  return {
    ...withHeads(sizes, Math.floor(attended / vision.count('head_width', 64)), text.count('heads', 8)),
    activation: root.flag('quick_gelu') ? 'quickgelu' : 'gelu',
  };
}

/** What OpenCLIP does not have of a model; null: it can build the model. */
export const openClipRefusal = ({ activation = clipActivation }: CLIPConfig): string | null =>
  refusalOf('OpenCLIP, which has GELU and QuickGELU,', [
    [activation !== 'quickgelu' && activation !== 'gelu', `model.activation=${activation}`],
  ]);

/**
 * The `model_cfg` of the open_clip_config.json from which OpenCLIP builds the same model.
 *
 * @param ownTokenizer whether the tokenizer is in the folder; otherwise OpenCLIP takes OpenAI's
 */
export function openClipConfig(
  { embedDim, vision, text, activation = clipActivation, initialLogitBias }: CLIPConfig,
  ownTokenizer: boolean,
): object {
  const attended = vision.kind === 'vit' ? vision.width : 32 * vision.width;
  return {
    embed_dim: embedDim,
    quick_gelu: activation === 'quickgelu',
    ...(initialLogitBias === undefined || initialLogitBias === null ? {} : { init_logit_bias: initialLogitBias }),
    vision_cfg: {
      image_size: vision.imageSize,
      layers: vision.layers,
      width: vision.width,
      head_width: attended / headsOf(vision),
      patch_size: vision.kind === 'vit' ? vision.patchSize : null,
    },
    text_cfg: {
      context_length: text.contextLength,
      vocab_size: text.vocabularySize,
      width: text.width,
      heads: headsOf(text),
      layers: text.layers,
      // OpenCLIP then reads the tokenizer in the folder, whatever the name is.
      ...(ownTokenizer ? { hf_tokenizer_name: 'in-this-folder' } : {}),
    },
  };
}
