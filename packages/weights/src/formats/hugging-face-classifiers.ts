/** The formats in which Hugging Face's library stores classifiers of images: its Vision Transformer and its ResNet. */
import { ResNet, ViT } from '@tessera/models';
import type { ActivationName, Module } from '@tessera/nn';
import { huggingFaceActivations } from './activation-names.ts';
import { huggingFaceLabels, huggingFaceProblem } from './class-names.ts';
import type { FolderFacts, WeightFormat } from './format.ts';
import { assuming, describedBy } from './image-description.ts';
import { JsonReader } from './json-reader.ts';
import type { NameTable } from './names.ts';
import { type ConfigFile, huggingFaceProcessor } from './preprocessing.ts';
import { activationIn, refusalOf, unusualViT } from './refusals.ts';
import { resnetOptions } from './resnet-options.ts';
import { vitDescription, vitOptions } from './vit-options.ts';

const layer = 'vit.encoder.layer.*';

const vitNames: NameTable = [
  { ours: 'cls_token', theirs: 'vit.embeddings.cls_token' },
  { ours: 'pos_embed', theirs: 'vit.embeddings.position_embeddings' },
  { ours: 'patch_embed.proj.*', theirs: 'vit.embeddings.patch_embeddings.projection.*' },
  { ours: 'blocks.*.norm1.*', theirs: `${layer}.layernorm_before.*` },
  {
    ours: 'blocks.*.attn.qkv.*',
    theirs: ['query', 'key', 'value'].map((projection) => `${layer}.attention.attention.${projection}.*`),
  },
  { ours: 'blocks.*.attn.proj.*', theirs: `${layer}.attention.output.dense.*` },
  { ours: 'blocks.*.norm2.*', theirs: `${layer}.layernorm_after.*` },
  { ours: 'blocks.*.mlp.fc1.*', theirs: `${layer}.intermediate.dense.*` },
  { ours: 'blocks.*.mlp.fc2.*', theirs: `${layer}.output.dense.*` },
  { ours: 'norm.*', theirs: 'vit.layernorm.*' },
  { ours: 'head.*', theirs: 'classifier.*' },
];

/** The layers of a block in the order in which Hugging Face numbers them. */
const resnetNames: NameTable = [
  { ours: 'conv1.weight', theirs: 'resnet.embedder.embedder.convolution.weight' },
  { ours: 'bn1.*', theirs: 'resnet.embedder.embedder.normalization.*' },
  ...[0, 1, 2, 3].flatMap((stage) => {
    const [ours, theirs] = [`layer${stage + 1}.*`, `resnet.encoder.stages.${stage}.layers.*`];
    return [
      ...[0, 1, 2].flatMap((k) => [
        { ours: `${ours}.conv${k + 1}.weight`, theirs: `${theirs}.layer.${k}.convolution.weight` },
        { ours: `${ours}.bn${k + 1}.*`, theirs: `${theirs}.layer.${k}.normalization.*` },
      ]),
      { ours: `${ours}.downsample.0.weight`, theirs: `${theirs}.shortcut.convolution.weight` },
      { ours: `${ours}.downsample.1.*`, theirs: `${theirs}.shortcut.normalization.*` },
    ];
  }),
  { ours: 'fc.*', theirs: 'classifier.1.*' },
];

function vitRefusal(model: Module): string | null {
  if (!(model instanceof ViT)) return null;
  const state = model.stateDict();
  return refusalOf("Hugging Face's ViTForImageClassification", [
    ...unusualViT(model),
    [model.readout !== 'cls', `model.vision.readout=${model.readout}`],
    [model.reg_token !== null, 'model.vision.registerTokens'],
    [model.noEmbedClass, 'positions of the patches only'],
    [model.dist_token !== null, 'a distillation token'],
    [state.has('blocks.0.ls1.gamma'), 'model.vision.layerScale'],
    [model.head === null, 'a model without classes'],
    activationIn(huggingFaceActivations, vitDescription(model).activation).missing,
  ]);
}

/** The architecture's config.json, with the names of the classes. */
const configOf = (
  architecture: string,
  content: object,
  classes: number,
  { classNames, multiLabel, preprocessing }: FolderFacts,
): ConfigFile[] => [
  {
    name: 'config.json',
    content: {
      architectures: [architecture],
      ...content,
      ...huggingFaceLabels(classNames, classes),
      ...huggingFaceProblem(multiLabel),
    },
  },
  ...huggingFaceProcessor(preprocessing),
];

/** Heads and activation from config.json, where the file has no description of ours. */
function configured(configFiles: Readonly<Record<string, unknown>> | undefined): {
  readonly heads?: number;
  readonly activation?: ActivationName;
} {
  const content = configFiles?.['config.json'];
  if (content === undefined) return {};
  const json = new JsonReader(content, 'config.json');
  return {
    heads: json.count('num_attention_heads', 12),
    activation: json.choice('hidden_act', huggingFaceActivations, 'gelu'),
  };
}

const vit: WeightFormat = {
  names: 'hugging-face',
  title: "Hugging Face's ViTForImageClassification",
  anchor: 'vit.embeddings.patch_embeddings.projection.weight',
  recognizes: (names) =>
    names.has('vit.embeddings.patch_embeddings.projection.weight') &&
    names.has('vit.encoder.layer.0.layernorm_before.weight'),
  table: vitNames,
  ignored: [],
  additions: ['vit.embeddings.mask_token', 'vit.pooler.**'],
  build: (state, hints) => {
    const fromFile = configured(hints.configFiles);
    return {
      model: new ViT(vitOptions(state, { ...fromFile, ...describedBy(hints) })),
      assumptions: 'heads' in fromFile ? [] : assuming(hints, '64 channels per head', 'activation gelu'),
    };
  },
  stores: (model) => model instanceof ViT && vitRefusal(model) === null,
  refusal: vitRefusal,
  describe: (model) => vitDescription(model as ViT),
  configFiles: (model, facts) => {
    const { width, blocks, imageSize, patchSize, outputDim } = model as ViT;
    const { heads, activation } = vitDescription(model as ViT);
    const state = model.stateDict();
    return configOf(
      'ViTForImageClassification',
      {
        model_type: 'vit',
        hidden_size: width,
        num_hidden_layers: blocks.length,
        num_attention_heads: heads,
        intermediate_size: state.get('blocks.0.mlp.fc1.weight')?.shape[0],
        hidden_act: activationIn(huggingFaceActivations, activation).name,
        hidden_dropout_prob: 0,
        attention_probs_dropout_prob: 0,
        layer_norm_eps: 1e-6,
        image_size: imageSize[0],
        patch_size: patchSize[0],
        num_channels: 3,
        qkv_bias: state.has('blocks.0.attn.qkv.bias'),
      },
      outputDim,
      facts,
    );
  },
};

const resnet: WeightFormat = {
  names: 'hugging-face',
  title: "Hugging Face's ResNetForImageClassification",
  anchor: 'resnet.embedder.embedder.convolution.weight',
  recognizes: (names) => names.has('resnet.embedder.embedder.convolution.weight') && names.has('classifier.1.weight'),
  table: resnetNames,
  ignored: [],
  build: (state, hints) => ({
    model: new ResNet(resnetOptions(state, describedBy(hints).imageSize ?? 224)),
    assumptions: assuming(hints, 'images of 224 x 224 pixels'),
  }),
  stores: (model) => model instanceof ResNet && model.fc !== null,
  refusal: (model) =>
    model instanceof ResNet
      ? refusalOf("Hugging Face's ResNetForImageClassification", [[model.fc === null, 'a model without classes']])
      : null,
  describe: (model) => ({ imageSize: (model as ResNet).inputResolution }),
  configFiles: (model, facts) => {
    const { inputResolution, outputDim } = model as ResNet;
    const { block, layers, width } = resnetOptions(model.stateDict(), inputResolution);
    const expansion = block === 'bottleneck' ? 4 : 1;
    return configOf(
      'ResNetForImageClassification',
      {
        model_type: 'resnet',
        num_channels: 3,
        embedding_size: width,
        hidden_sizes: [1, 2, 4, 8].map((factor) => factor * width * expansion),
        depths: layers,
        layer_type: block,
        hidden_act: 'relu',
        downsample_in_first_stage: false,
        downsample_in_bottleneck: false,
      },
      outputDim,
      facts,
    );
  },
};

export const huggingFaceClassifiers: readonly WeightFormat[] = [vit, resnet];
