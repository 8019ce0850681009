/** Modules: built with PyTorch's arguments, loaded with its state, and called. */
import * as nn from '@tessera/nn';
import { ones, realizeSync, Tensor } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  bind,
  call,
  type Given,
  type Keywords,
  optionsOf,
  Unsupported,
  unsupported,
} from './call.ts';
import { type Build, builders } from './module-builders.ts';

/** The arguments of a case: the constructor's, those of `forward`, the mode, and the state. */
interface ModuleCall {
  readonly ctor: readonly Given[];
  readonly ckw: Keywords;
  readonly fkw: Keywords;
  readonly train: boolean;
  readonly state: Readonly<Record<string, Tensor>>;
}

const isGiven = (value: Given): boolean => value !== undefined && value !== null;

const moduleAdapter =
  (build: Build): Adapter =>
  (args, kwargs, rebind) => {
    const { ctor, ckw, fkw, train, state } = kwargs as ModuleCall & Keywords;
    const inputs = [...args, ...Object.values(fkw)].filter(isGiven);
    if (inputs.length === 0) throw new Unsupported('no input');
    const isDouble = [...inputs.flat(), ...Object.values(state)].some((value) => value?.dtype === 'f64');
    const { module, asksIndices = false } = build(ctor, ckw);
    module.to(isDouble ? 'f64' : 'f32').train(train);
    if (Object.keys(state).length > 0) module.loadStateDict(state);
    for (const [path, parameter] of module.namedParameters()) {
      const stored = state[path];
      if (stored !== undefined) rebind(stored, parameter);
    }
    const outputs = callModule(module, asksIndices, args, fkw);
    return [...outputs, ...module.namedBuffers().map(([, buffer]) => Tensor.fromNode(buffer.node))];
  };

/** The outputs, in PyTorch's order. */
function callModule(
  module: nn.Module,
  asksIndices: boolean,
  args: readonly Given[],
  keywords: Keywords,
): readonly (Tensor | null)[] {
  if (module instanceof nn.MultiheadAttention) return attend(module, args, keywords);
  const inputs = [...args, ...Object.values(keywords)].filter(isGiven);
  if (module instanceof nn.EmbeddingBag) {
    const [index, offsets, perSampleWeights] = args;
    const given = { offsets, per_sample_weights: perSampleWeights, ...keywords };
    return [module.forward(index ?? keywords.input, optionsOf(given, 'offsets per_sample_weights'))];
  }
  const { forward, withIndices } = module as Given;
  if (!asksIndices) return [forward.apply(module, inputs)].flat(3);
  const { output, indices } = withIndices.apply(module, inputs);
  return [output, indices];
}

/** Output and weights. PyTorch's are the mean over the heads unless told otherwise. */
function attend(module: nn.MultiheadAttention, args: readonly Given[], keywords: Keywords): (Tensor | null)[] {
  const p = bind(
    args,
    keywords,
    'query key value key_padding_mask need_weights attn_mask average_attn_weights is_causal',
  );
  const key = p.key ?? p.query;
  const { output, weights } = module.attend(p.query, key, p.value ?? key, {
    attentionMask: p.attn_mask ?? null,
    keyPaddingMask: p.key_padding_mask ?? null,
    // PyTorch's is_causal only says that the mask is causal.
    causal: (p.is_causal ?? false) && !p.attn_mask,
    averageAttentionWeights: p.average_attn_weights ?? true,
  });
  return [output, p.need_weights === false ? null : weights];
}

const attentionParameters =
  'query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p ' +
  'out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight ' +
  'q_proj_weight k_proj_weight v_proj_weight static_k static_v average_attn_weights is_causal';

/** Attention with the weights as arguments: those of a module. */
const attentionForward: Adapter = call(attentionParameters, (p) => {
  if (p.dropout_p && (p.training ?? true)) unsupported('dropout is random');
  if (p.static_k || p.static_v) unsupported('static keys and values');
  const isSeparate = p.use_separate_proj_weight ?? false;
  const module = new nn.MultiheadAttention(p.embed_dim_to_check, p.num_heads, {
    bias: isGiven(p.in_proj_bias ?? p.out_proj_bias),
    addBiasKv: isGiven(p.bias_k),
    addZeroAttn: p.add_zero_attn,
    ...(isSeparate ? { kdim: p.k_proj_weight.shape[1], vdim: p.v_proj_weight.shape[1] } : {}),
  });
  const own = isSeparate ? ['q_proj_weight', 'k_proj_weight', 'v_proj_weight'] : ['in_proj_weight'];
  for (const name of [...own, 'in_proj_bias', 'bias_k', 'bias_v'])
    if (isGiven(p[name])) Object.assign(module, { [name]: p[name] });
  if (isSeparate) Object.assign(module, { in_proj_weight: null });
  for (const name of ['weight', 'bias'])
    if (isGiven(p[`out_proj_${name}`])) Object.assign(module.out_proj, { [name]: p[`out_proj_${name}`] });
  const { output, weights } = module.attend(p.query, p.key, p.value, {
    attentionMask: p.attn_mask ?? null,
    keyPaddingMask: p.key_padding_mask ?? null,
    averageAttentionWeights: p.average_attn_weights ?? true,
  });
  return [output, (p.need_weights ?? true) ? weights : null];
});

/** Several batches in training mode, then one more in the mode that the case says. */
const batchNormSequence: Adapter = (inputs: readonly Tensor[], { momentum, train }) => {
  const module = new nn.BatchNorm2d(2, { momentum }).to('f64');
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
  ...Object.fromEntries(Object.entries(builders).map(([name, build]) => [`module:${name}`, moduleAdapter(build)])),
  'mha-heads': moduleAdapter(builders.MultiheadAttention as Build),
  'nn.functional.multi_head_attention_forward': attentionForward,
  'bn-sequence': batchNormSequence,
  'linear-0': () => new nn.Linear(0, 2).forward(ones([1, 0])),
};
