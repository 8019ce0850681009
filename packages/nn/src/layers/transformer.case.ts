/** Check cases of the transformer's layers. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import { LayerNorm } from './layer-norm.ts';
import {
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer.ts';

const sizes = { d_model: 6, nhead: 2, dim_feedforward: 8, dropout: 0 };

const options = (c: CaseConfig): TransformerLayerOptions => ({
  dimFeedforward: c.number('dim_feedforward'),
  dropout: c.number('dropout'),
  activation: c.choice('activation', ['relu', 'gelu'], 'relu'),
  batchFirst: c.boolean('batch_first', false),
  normFirst: c.boolean('norm_first', false),
});

const encoderLayer = (c: CaseConfig) => new TransformerEncoderLayer(c.number('d_model'), c.number('nhead'), options(c));
const decoderLayer = (c: CaseConfig) => new TransformerDecoderLayer(c.number('d_model'), c.number('nhead'), options(c));

const pair = { target: normal([3, 2, 6]), memory: normal([4, 2, 6]) };

export default [
  layerCase({
    name: 'TransformerEncoderLayer',
    build: encoderLayer,
    torch: 'nn.TransformerEncoderLayer',
    cases: [
      { name: 'transformer-encoder-layer-f64', config: sizes, inputs: { x: normal([3, 2, 6]) } },
      {
        name: 'transformer-encoder-layer-pre-f64',
        config: { ...sizes, batch_first: true, norm_first: true, activation: 'gelu' },
        inputs: { x: normal([2, 3, 6]) },
      },
    ],
  }),
  layerCase({
    name: 'TransformerDecoderLayer',
    build: decoderLayer,
    torch: 'nn.TransformerDecoderLayer',
    cases: [
      { name: 'transformer-decoder-layer-f64', config: sizes, inputs: pair },
      { name: 'transformer-decoder-layer-pre-f64', config: { ...sizes, norm_first: true }, inputs: pair },
    ],
  }),
  layerCase({
    name: 'TransformerEncoder',
    build: (c) =>
      new TransformerEncoder(() => encoderLayer(c), c.number('num_layers'), {
        norm: new LayerNorm(c.number('d_model')),
      }),
    torch:
      'lambda num_layers, d_model, **options: nn.TransformerEncoder(nn.TransformerEncoderLayer(d_model, **options), num_layers, ' +
      'norm=nn.LayerNorm(d_model), enable_nested_tensor=False)',
    cases: [
      {
        name: 'transformer-encoder-f64',
        config: { ...sizes, norm_first: true, num_layers: 2 },
        inputs: { x: normal([3, 2, 6]) },
      },
    ],
  }),
  layerCase({
    name: 'TransformerDecoder',
    build: (c) => new TransformerDecoder(() => decoderLayer(c), c.number('num_layers')),
    torch:
      'lambda num_layers, d_model, **options: nn.TransformerDecoder(nn.TransformerDecoderLayer(d_model, **options), num_layers)',
    cases: [{ name: 'transformer-decoder-f64', config: { ...sizes, num_layers: 2 }, inputs: pair }],
  }),
];
