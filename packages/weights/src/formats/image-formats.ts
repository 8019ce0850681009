/** The formats in which image models are stored: torchvision, and Tessera's classifiers on CLIP's image towers. */
import type { VisionConfig } from '@tessera/models';
import { clipActivation, createImageTower, ImageClassifier, ResNet } from '@tessera/models';
import type { StateDict } from '@tessera/nn';
import { visionConfigFromShapes } from './clip-config.ts';
import type { BuiltModel, ModelHints, WeightFormat } from './format.ts';
import { assuming, describedBy, type ImageDescription } from './image-description.ts';
import type { NameTable } from './names.ts';
import { resnetOptions } from './resnet-options.ts';
import { Shapes } from './shapes.ts';
import { headsOfTower, towerConfigOf } from './tower-config.ts';

/** The names in the file are the names of Tessera's modules. */
const sameNames: NameTable = [{ ours: '**', theirs: '**' }];

function buildClassifier(state: StateDict, hints: ModelHints): BuiltModel {
  const { heads, activation = clipActivation } = describedBy(hints);
  const sizes = visionConfigFromShapes(state);
  const vision: VisionConfig = heads === undefined ? sizes : { ...sizes, heads };
  const shapes = new Shapes(state);
  const classes = shapes.size('head.weight', 0, 2);
  const embedDim = shapes.size('head.weight', 1, 2);
  return {
    model: new ImageClassifier(createImageTower(vision, embedDim, { activation }), classes),
    assumptions: assuming(hints, '64 channels per head', `activation ${activation}`),
  };
}

function describeClassifier(model: ImageClassifier): ImageDescription {
  const config = towerConfigOf(model);
  return config === null ? {} : { heads: headsOfTower(config), activation: config.activation };
}

const noConfigFiles = (): [] => [];

export const imageFormats: readonly WeightFormat[] = [
  {
    names: 'torchvision',
    title: "torchvision's or timm's ResNet",
    anchor: 'conv1.weight',
    // The projection heads of MoCo v2 and similar methods.
    additions: ['fc.*.*'],
    recognizes: (names) => names.has('conv1.weight') && names.has('bn1.weight') && names.has('layer1.0.conv1.weight'),
    table: sameNames,
    ignored: [],
    build: (state, hints) => ({
      model: new ResNet(resnetOptions(state, describedBy(hints).imageSize ?? 224)),
      assumptions: assuming(hints, 'images of 224 x 224 pixels'),
    }),
    stores: (model) => model instanceof ResNet,
    describe: (model) => ({ imageSize: (model as ResNet).inputResolution }),
    configFiles: noConfigFiles,
  },
  {
    names: 'tessera',
    title: "a classifier on CLIP's image tower",
    anchor: 'head.weight',
    recognizes: (names) =>
      names.has('head.weight') && (names.has('visual.proj') || names.has('visual.attnpool.positional_embedding')),
    table: sameNames,
    ignored: [],
    build: buildClassifier,
    stores: (model) => model instanceof ImageClassifier && towerConfigOf(model) !== null,
    describe: (model) => describeClassifier(model as ImageClassifier),
    configFiles: noConfigFiles,
  },
];
