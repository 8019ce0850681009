/** Modules: built with PyTorch's arguments, loaded with its state, and called. */
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Embedding,
  GELU,
  LayerNorm,
  Linear,
  MaxPool2d,
  type Module,
  MultiheadAttention,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
} from '@tessera/nn';
import { ones, realizeSync, Tensor } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  bind,
  type Given,
  type Keywords,
  single,
  Unsupported,
  unsupported,
} from './call.ts';

type Build = (args: readonly Given[], kwargs: Keywords) => Module;

/** The constructor's arguments by name; of those after a `-`, only the default is accepted. See `bind`. */
function named(args: readonly Given[], kwargs: Keywords, names: string): Record<string, Given> {
  const { dtype: _, ...given } = bind(args, kwargs, `${names} dtype`);
  return given;
}

const pooling =
  (Pool: typeof MaxPool2d | typeof AvgPool2d, names: string): Build =>
  (args, kwargs) => {
    const { kernel_size, stride, padding, ...rest } = named(args, kwargs, names);
    refuseGiven(rest);
    return new Pool(single(kernel_size), {
      ...(stride ? { stride: single(stride) } : {}),
      padding: single(padding ?? 0),
    });
  };

/** Refuses all that differs from false. */
function refuseGiven(rest: Record<string, Given>, defaults: Record<string, Given> = {}): void {
  for (const [name, value] of Object.entries(rest))
    if (value !== null && value !== undefined && value !== false && value !== defaults[name])
      unsupported(`argument ${name}=${JSON.stringify(value)?.slice(0, 20)}`);
}

const build: Readonly<Record<string, Build>> = {
  Linear: (args, kwargs) => {
    const { in_features, out_features, bias = true } = named(args, kwargs, 'in_features out_features bias');
    return new Linear(in_features, out_features, { bias });
  },
  Conv2d: (args, kwargs) => {
    const { in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode } = named(
      args,
      kwargs,
      'in_channels out_channels kernel_size stride padding dilation groups bias padding_mode',
    );
    if (typeof padding === 'string') unsupported("padding='same'/'valid'");
    if (padding_mode && padding_mode !== 'zeros') unsupported(`padding_mode=${padding_mode}`);
    return new Conv2d(in_channels, out_channels, single(kernel_size), {
      stride: single(stride ?? 1),
      padding: single(padding ?? 0),
      dilation: single(dilation ?? 1),
      groups: groups ?? 1,
      bias: bias ?? true,
    });
  },
  BatchNorm2d: (args, kwargs) => {
    const { num_features, eps, momentum, affine, track_running_stats, bias } = named(
      args,
      kwargs,
      'num_features eps momentum affine track_running_stats bias',
    );
    if (affine !== false && bias === false) unsupported('bias=False');
    return new BatchNorm2d(num_features, {
      eps: eps ?? 1e-5,
      momentum: momentum === undefined ? 0.1 : momentum,
      affine: affine ?? true,
      trackRunningStats: track_running_stats ?? true,
    });
  },
  LayerNorm: (args, kwargs) => {
    const { normalized_shape, eps, elementwise_affine, bias } = named(
      args,
      kwargs,
      'normalized_shape eps elementwise_affine bias',
    );
    if (bias === false) unsupported('bias=False');
    return new LayerNorm(normalized_shape, { eps: eps ?? 1e-5, elementwiseAffine: elementwise_affine ?? true });
  },
  Embedding: (args, kwargs) => {
    const { num_embeddings, embedding_dim, ...rest } = named(
      args,
      kwargs,
      'num_embeddings embedding_dim padding_idx max_norm norm_type scale_grad_by_freq sparse',
    );
    refuseGiven(rest);
    return new Embedding(num_embeddings, embedding_dim);
  },
  MultiheadAttention: (args, kwargs) => {
    const { embed_dim, num_heads, dropout, bias, batch_first, ...rest } = named(
      args,
      kwargs,
      'embed_dim num_heads dropout bias add_bias_kv add_zero_attn kdim vdim batch_first',
    );
    refuseGiven(rest);
    return new MultiheadAttention(embed_dim, num_heads, {
      dropout: dropout ?? 0,
      bias: bias ?? true,
      batchFirst: batch_first ?? false,
    });
  },
  CrossEntropyLoss: (args, kwargs) => {
    const { reduction, label_smoothing, ...rest } = named(
      args,
      kwargs,
      'weight size_average ignore_index reduce reduction label_smoothing',
    );
    refuseGiven(rest);
    return new CrossEntropyLoss({ reduction: reduction ?? 'mean', labelSmoothing: label_smoothing ?? 0 });
  },
  GELU: (args, kwargs) => new GELU({ approximate: args[0] ?? kwargs.approximate ?? 'none' }),
  SiLU: (args, kwargs) => {
    refuseGiven(named(args, kwargs, 'inplace'));
    return new SiLU();
  },
  ReLU: (args, kwargs) => {
    refuseGiven(named(args, kwargs, 'inplace'));
    return new ReLU();
  },
  Sigmoid: () => new Sigmoid(),
  Tanh: () => new Tanh(),
  Softmax: (args, kwargs) => new Softmax(args[0] ?? kwargs.dim ?? unsupported('dim left out')),
  MaxPool2d: pooling(MaxPool2d, 'kernel_size stride padding dilation return_indices ceil_mode'),
  AvgPool2d: (args, kwargs) => {
    if (kwargs.count_include_pad === false) unsupported('count_include_pad=False');
    return pooling(AvgPool2d, 'kernel_size stride padding ceil_mode count_include_pad divisor_override')(args, kwargs);
  },
};

/** The arguments of a case: the constructor's, those of `forward`, the mode, and the state. */
interface ModuleCall {
  readonly ctor: readonly Given[];
  readonly ckw: Keywords;
  readonly fkw: Keywords;
  readonly train: boolean;
  readonly state: Readonly<Record<string, Tensor>>;
}

/** Forms of input without an equivalent. */
function checkInputs(name: string, [input, target]: readonly Tensor[]): void {
  if (input === undefined) throw new Unsupported('no input');
  if (['Conv2d', 'MaxPool2d', 'AvgPool2d'].includes(name) && input.ndim === 3) unsupported('unbatched input');
  if (name === 'MultiheadAttention' && input.ndim === 2) unsupported('unbatched input');
  if (name === 'Softmax' && input.ndim === 0) unsupported('rank 0');
  if (name !== 'CrossEntropyLoss') return;
  if (target !== undefined && target.dtype !== 'i32') unsupported('class probabilities as target');
  if (input.ndim !== 2) unsupported(`${input.ndim}-d logits`);
}

const moduleAdapter =
  (name: string, construct: Build): Adapter =>
  (args, kwargs, rebind) => {
    const { ctor, ckw, fkw, train, state } = kwargs as ModuleCall & Keywords;
    const inputs = args.length > 0 ? args : [fkw.input, fkw.target].filter((value) => value !== undefined);
    checkInputs(name, inputs);
    const isDouble = [...inputs, ...Object.values(state)].some((value) => value?.dtype === 'f64');
    const module = construct(ctor, ckw)
      .to(isDouble ? 'f64' : 'f32')
      .train(train);
    if (Object.keys(state).length > 0) module.loadStateDict(state);
    for (const [path, parameter] of module.namedParameters()) {
      const stored = state[path];
      if (stored !== undefined) rebind(stored, parameter);
    }
    const outputs = module instanceof MultiheadAttention ? attend(module, inputs, fkw) : [forward(module, inputs)];
    return [...outputs, ...module.namedBuffers().map(([, buffer]) => Tensor.fromNode(buffer.node))];
  };

const forward = (module: Module, inputs: readonly Tensor[]): Tensor =>
  (module as Module & { forward(...inputs: readonly Tensor[]): Tensor }).forward(...inputs);

/** Output and weights. PyTorch's are the mean over the heads unless told otherwise. */
function attend(module: MultiheadAttention, inputs: readonly Tensor[], keywords: Keywords): (Tensor | null)[] {
  const { query, key, value, key_padding_mask, attn_mask, is_causal, average_attn_weights, need_weights } = bind(
    inputs,
    keywords,
    'query key value key_padding_mask need_weights attn_mask average_attn_weights is_causal',
  );
  const { output, weights } = module.attend(query, key ?? query, value ?? key ?? query, {
    attentionMask: attn_mask ?? null,
    keyPaddingMask: key_padding_mask ?? null,
    causal: is_causal ?? false,
  });
  return [output, need_weights === false ? null : average_attn_weights === false ? weights : weights.mean(1)];
}

/** Several batches in training mode, then one more in the mode that the case says. */
const batchNormSequence: Adapter = (inputs: readonly Tensor[], { momentum, train }) => {
  const module = new BatchNorm2d(2, { momentum }).to('f64');
  const state = module.namedBuffers().map(([, buffer]) => buffer);
  const step = (input: Tensor): Tensor => {
    const output = module.forward(input);
    realizeSync(output, ...state);
    return output;
  };
  const outputs = inputs.map(step);
  module.train(train);
  return [...outputs, ...inputs.slice(0, 1).map(step), ...state];
};

export const modules: Adapters = {
  ...Object.fromEntries(
    Object.entries(build).map(([name, construct]) => [`module:${name}`, moduleAdapter(name, construct)]),
  ),
  'mha-heads': moduleAdapter('MultiheadAttention', build.MultiheadAttention as Build),
  'bn-sequence': batchNormSequence,
  'linear-0': () => new Linear(0, 2).forward(ones([1, 0])),
};
