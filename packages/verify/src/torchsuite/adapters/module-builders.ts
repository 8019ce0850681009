/** Construction of modules with PyTorch's arguments. */
import * as nn from '@tessera/nn';
import { bind, type Given, type Keywords, optionsOf, single, unsupported } from './call.ts';
import { reductionOf } from './losses.ts';

/** A module, and whether PyTorch's also returns positions. */
interface Built {
  readonly module: nn.Module;
  readonly asksIndices?: boolean;
}

/** Builds a module from the positional arguments and the keywords of PyTorch's constructor. */
export type Build = (args: readonly Given[], kwargs: Keywords) => Built;

type Class = new (...args: Given[]) => nn.Module;

/** A class of @tessera/nn. */
function classNamed(name: string): Class {
  const found = (nn as Given)[name];
  return typeof found === 'function' ? found : unsupported(`no ${name}`);
}

/** Constructor arguments by name. */
const named = (args: readonly Given[], kwargs: Keywords, names: string): Record<string, Given> => {
  const { dtype: _, ...given } = bind(args, kwargs, `${names} dtype`);
  return given;
};

/**
 * The class of the same name with positional arguments, and options under our names. `momentum` may be null.
 *
 * @param positional PyTorch's first parameters, which are positional here too
 * @param options those that are options here
 * @param ignored those without a meaning here
 */
const build =
  (name: string, positional: string, options = '', ignored = ''): Build =>
  (args, kwargs) => {
    const first = positional.split(' ').filter(Boolean);
    const given = named(args, kwargs, [positional, options, ignored].filter(Boolean).join(' '));
    const momentum = given.momentum === null ? { momentum: null } : {};
    const values = first.map((key) => single(given[key]));
    while (values.length > 0 && values.at(-1) === undefined) values.pop();
    const own = options === '' ? [] : [{ ...optionsOf(given, options), ...momentum }];
    return { module: new (classNamed(name))(...values, ...own), asksIndices: given.return_indices === true };
  };

/** A loss: its options, and `reduction` in each of PyTorch's forms. */
const loss =
  (name: string, order: string, options = ''): Build =>
  (args, kwargs) => {
    const given = named(args, kwargs, order);
    const own = options === '' ? {} : optionsOf(given, options);
    return { module: new (classNamed(name))({ reduction: reductionOf(given), ...own }) };
  };

const forRanks = (make: (rank: number) => Readonly<Record<string, Build>>): Readonly<Record<string, Build>> =>
  Object.assign({}, ...[1, 2, 3].map(make));

const normOptions = 'eps momentum affine track_running_stats bias';
const paddings = ['Zero', 'Reflection', 'Replication', 'Circular'];

/** The layers that exist for one, two and three axes. */
const ranked = forRanks((rank) => ({
  [`BatchNorm${rank}d`]: build(`BatchNorm${rank}d`, 'num_features', normOptions),
  [`InstanceNorm${rank}d`]: build(`InstanceNorm${rank}d`, 'num_features', normOptions),
  [`Conv${rank}d`]: build(
    `Conv${rank}d`,
    'in_channels out_channels kernel_size',
    'stride padding dilation groups bias padding_mode',
  ),
  [`ConvTranspose${rank}d`]: build(
    `ConvTranspose${rank}d`,
    'in_channels out_channels kernel_size',
    'stride padding output_padding groups bias dilation',
    'padding_mode',
  ),
  [`MaxPool${rank}d`]: (args, kwargs) => {
    const { return_indices, ...rest } = named(
      args,
      kwargs,
      'kernel_size stride padding dilation return_indices ceil_mode',
    );
    const { module } = build(`MaxPool${rank}d`, 'kernel_size', 'stride padding dilation ceil_mode')([], rest);
    return { module, asksIndices: return_indices === true };
  },
  [`AvgPool${rank}d`]: build(
    `AvgPool${rank}d`,
    'kernel_size',
    'stride padding ceil_mode count_include_pad divisor_override',
  ),
  [`LPPool${rank}d`]: build(`LPPool${rank}d`, 'norm_type kernel_size', 'stride ceil_mode'),
  [`AdaptiveAvgPool${rank}d`]: build(`AdaptiveAvgPool${rank}d`, 'output_size'),
  [`AdaptiveMaxPool${rank}d`]: build(`AdaptiveMaxPool${rank}d`, 'output_size', '', 'return_indices'),
  [`ConstantPad${rank}d`]: build(`ConstantPad${rank}d`, 'padding value'),
  ...Object.fromEntries(paddings.map((kind) => [`${kind}Pad${rank}d`, build(`${kind}Pad${rank}d`, 'padding')])),
}));

const recurrentOptions = 'bias batch_first dropout bidirectional proj_size';

const layers: Readonly<Record<string, Build>> = {
  Linear: build('Linear', 'in_features out_features', 'bias'),
  Bilinear: build('Bilinear', 'in1_features in2_features out_features', 'bias'),
  Identity: () => ({ module: new nn.Identity() }),
  Flatten: build('Flatten', 'start_dim end_dim'),
  Unflatten: build('Unflatten', 'dim unflattened_size'),
  LayerNorm: build('LayerNorm', 'normalized_shape', 'eps elementwise_affine bias'),
  RMSNorm: build('RMSNorm', 'normalized_shape', 'eps elementwise_affine'),
  GroupNorm: build('GroupNorm', 'num_groups num_channels', 'eps affine bias'),
  LocalResponseNorm: build('LocalResponseNorm', 'size', 'alpha beta k'),
  Embedding: build(
    'Embedding',
    'num_embeddings embedding_dim',
    'padding_idx max_norm norm_type scale_grad_by_freq',
    'sparse',
  ),
  EmbeddingBag: build(
    'EmbeddingBag',
    'num_embeddings embedding_dim',
    'max_norm norm_type scale_grad_by_freq mode sparse _weight include_last_offset padding_idx',
  ),
  MultiheadAttention: build(
    'MultiheadAttention',
    'embed_dim num_heads',
    'dropout bias add_bias_kv add_zero_attn kdim vdim batch_first',
  ),
  RNN: build('RNN', 'input_size hidden_size', `num_layers nonlinearity ${recurrentOptions}`),
  LSTM: build('LSTM', 'input_size hidden_size', `num_layers ${recurrentOptions}`),
  GRU: build('GRU', 'input_size hidden_size', `num_layers ${recurrentOptions}`),
  RNNCell: build('RNNCell', 'input_size hidden_size', 'bias nonlinearity'),
  LSTMCell: build('LSTMCell', 'input_size hidden_size', 'bias'),
  GRUCell: build('GRUCell', 'input_size hidden_size', 'bias'),
};

const activations: Readonly<Record<string, Build>> = {
  GELU: build('GELU', '', 'approximate'),
  SiLU: build('SiLU', '', '', 'inplace'),
  ReLU: build('ReLU', '', '', 'inplace'),
  Sigmoid: build('Sigmoid', ''),
  Tanh: build('Tanh', ''),
  ...Object.fromEntries(
    ['Hardsigmoid', 'Hardswish', 'Mish', 'ReLU6', 'SELU'].map((name) => [name, build(name, '', '', 'inplace')]),
  ),
  ...Object.fromEntries(['LogSigmoid', 'Softsign', 'Tanhshrink', 'Softmax2d'].map((name) => [name, build(name, '')])),
  ELU: build('ELU', 'alpha', '', 'inplace'),
  CELU: build('CELU', 'alpha', '', 'inplace'),
  LeakyReLU: build('LeakyReLU', 'negative_slope', '', 'inplace'),
  PReLU: build('PReLU', 'num_parameters init'),
  GLU: build('GLU', 'dim'),
  Hardtanh: build('Hardtanh', 'min_val max_val', '', 'min_value max_value inplace'),
  Hardshrink: build('Hardshrink', 'lambd'),
  Softshrink: build('Softshrink', 'lambd'),
  Softplus: build('Softplus', 'beta threshold'),
  Threshold: build('Threshold', 'threshold value', '', 'inplace'),
  ...Object.fromEntries(
    ['Softmax', 'LogSoftmax', 'Softmin'].map((name): [string, Build] => [
      name,
      (args, kwargs) => build(name, 'dim')([args[0] ?? kwargs.dim ?? unsupported('dim left out')], {}),
    ]),
  ),
};

const old = 'size_average reduce reduction';

const losses: Readonly<Record<string, Build>> = {
  CrossEntropyLoss: loss(
    'CrossEntropyLoss',
    'weight size_average ignore_index reduce reduction label_smoothing',
    'weight ignore_index label_smoothing',
  ),
  NLLLoss: loss('NLLLoss', 'weight size_average ignore_index reduce reduction', 'weight ignore_index'),
  MSELoss: loss('MSELoss', old),
  L1Loss: loss('L1Loss', old),
  SmoothL1Loss: loss('SmoothL1Loss', `${old} beta`, 'beta'),
  HuberLoss: loss('HuberLoss', 'reduction delta', 'delta'),
  BCELoss: loss('BCELoss', `weight ${old}`, 'weight'),
  BCEWithLogitsLoss: loss('BCEWithLogitsLoss', `weight ${old} pos_weight`, 'weight pos_weight'),
  KLDivLoss: loss('KLDivLoss', `${old} log_target`, 'log_target'),
  CosineEmbeddingLoss: loss('CosineEmbeddingLoss', `margin ${old}`, 'margin'),
  TripletMarginLoss: loss('TripletMarginLoss', `margin p eps swap ${old}`, 'margin p eps swap'),
  TripletMarginWithDistanceLoss: loss(
    'TripletMarginWithDistanceLoss',
    'distance_function margin swap reduction',
    'margin swap',
  ),
  MarginRankingLoss: loss('MarginRankingLoss', `margin ${old}`, 'margin'),
  HingeEmbeddingLoss: loss('HingeEmbeddingLoss', `margin ${old}`, 'margin'),
  SoftMarginLoss: loss('SoftMarginLoss', old),
  MultiMarginLoss: loss('MultiMarginLoss', `p margin weight ${old}`, 'p margin weight'),
  MultiLabelSoftMarginLoss: loss('MultiLabelSoftMarginLoss', `weight ${old}`, 'weight'),
  MultiLabelMarginLoss: loss('MultiLabelMarginLoss', old),
  PoissonNLLLoss: loss('PoissonNLLLoss', 'log_input full size_average eps reduce reduction', 'log_input full eps'),
  GaussianNLLLoss: loss('GaussianNLLLoss', 'full eps reduction', 'full eps'),
  CosineSimilarity: (args, kwargs) => {
    const { dim, ...rest } = named(args, kwargs, 'dim eps');
    const axis = dim === undefined ? {} : { axis: dim };
    return { module: new nn.CosineSimilarity({ ...axis, ...optionsOf(rest, 'eps') }) };
  },
  PairwiseDistance: build('PairwiseDistance', '', 'p eps keepdim'),
};

export const builders: Readonly<Record<string, Build>> = { ...ranked, ...layers, ...activations, ...losses };
