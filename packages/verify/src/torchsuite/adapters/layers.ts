/** Layers as functions: products, embeddings, convolution, pooling, normalization, attention, padding and resampling. */
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Adapter, type Adapters, call, type Given, numberOf, optionsOf, single, unsupported } from './call.ts';

/** The functions for one, two and three axes, under PyTorch's names: `NAME1d` to `NAME3d`. */
const forEachRank = <Layer>(name: string, list: readonly Layer[], adapter: (layer: Layer, rank: number) => Adapter) =>
  Object.fromEntries(list.map((layer, k) => [`nn.functional.${name}${k + 1}d`, adapter(layer, k + 1)]));

interface WithIndices {
  readonly output: Tensor;
  readonly indices: Tensor;
}

const outputAndIndices = ({ output, indices }: WithIndices): Tensor[] => [output, indices];

const convolutions: Adapters = {
  ...forEachRank('conv', [F.conv1d, F.conv2d, F.conv3d], (apply) =>
    call('input weight bias stride padding dilation groups', (p) =>
      apply(p.input, p.weight, p.bias ?? null, optionsOf(p, 'stride padding dilation groups')),
    ),
  ),
  ...forEachRank('conv_transpose', [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d], (apply) =>
    call('input weight bias stride padding output_padding groups dilation', (p) =>
      apply(p.input, p.weight, p.bias ?? null, optionsOf(p, 'stride padding output_padding groups dilation')),
    ),
  ),
  'nn.functional.unfold': call('input kernel_size dilation padding stride', (p) =>
    F.unfold(p.input, single(p.kernel_size), optionsOf(p, 'dilation padding stride')),
  ),
  'nn.functional.fold': call('input output_size kernel_size dilation padding stride', (p) =>
    F.fold(p.input, single(p.output_size), single(p.kernel_size), optionsOf(p, 'dilation padding stride')),
  ),
};

const maxOptions = 'stride padding dilation ceil_mode';

const pools: Adapters = {
  ...forEachRank('avg_pool', [F.avgPool1d, F.avgPool2d, F.avgPool3d], (apply) =>
    call('input kernel_size stride padding ceil_mode count_include_pad divisor_override', (p) =>
      apply(
        p.input,
        single(p.kernel_size),
        optionsOf(p, 'stride padding ceil_mode count_include_pad divisor_override'),
      ),
    ),
  ),
  ...forEachRank(
    'max_pool',
    [
      [F.maxPool1d, F.maxPool1dWithIndices],
      [F.maxPool2d, F.maxPool2dWithIndices],
      [F.maxPool3d, F.maxPool3dWithIndices],
    ] as const,
    ([values, both]) =>
      call(`input kernel_size ${maxOptions} return_indices`, (p) => {
        const [size, options] = [single<Given>(p.kernel_size), optionsOf(p, maxOptions)];
        return p.return_indices ? outputAndIndices(both(p.input, size, options)) : values(p.input, size, options);
      }),
  ),
  ...forEachRank('lp_pool', [F.lpPool1d, F.lpPool2d, F.lpPool3d], (apply) =>
    call('input norm_type kernel_size stride ceil_mode', (p) =>
      apply(p.input, p.norm_type, single(p.kernel_size), optionsOf(p, 'stride ceil_mode')),
    ),
  ),
  ...forEachRank('max_unpool', [F.maxUnpool1d, F.maxUnpool2d, F.maxUnpool3d], (apply, rank) =>
    call('input indices kernel_size stride padding output_size', (p) => {
      const size = p.output_size === undefined ? {} : { outputSize: single<Given>(p.output_size.slice(-rank)) };
      return apply(p.input, p.indices, single(p.kernel_size), { ...optionsOf(p, 'stride padding'), ...size });
    }),
  ),
  ...forEachRank('adaptive_avg_pool', [F.adaptiveAvgPool1d, F.adaptiveAvgPool2d, F.adaptiveAvgPool3d], (apply) =>
    call('input output_size', ({ input, output_size }) => apply(input, single(output_size))),
  ),
  ...forEachRank(
    'adaptive_max_pool',
    [
      [F.adaptiveMaxPool1d, F.adaptiveMaxPool1dWithIndices],
      [F.adaptiveMaxPool2d, F.adaptiveMaxPool2dWithIndices],
      [F.adaptiveMaxPool3d, F.adaptiveMaxPool3dWithIndices],
    ] as const,
    ([values, both]) =>
      call('input output_size return_indices', ({ input, output_size, return_indices }) => {
        const size = single<Given>(output_size);
        return return_indices ? outputAndIndices(both(input, size)) : values(input, size);
      }),
  ),
  ...forEachRank('max_unpool', [F.maxUnpool1d, F.maxUnpool2d, F.maxUnpool3d], (apply, rank) =>
    call('input indices kernel_size stride padding output_size', (p) => {
      // PyTorch takes the size of the output with or without its first axes.
      const size = p.output_size ? { output_size: p.output_size.slice(-rank) } : {};
      const options = optionsOf({ ...p, ...size }, 'stride padding output_size');
      return apply(p.input, p.indices, single(p.kernel_size), options);
    }),
  ),
};

const layerNorm = ({ input, normalized_shape, weight = null, bias = null, eps = 1e-5 }: Given): Tensor =>
  F.layerNorm(input, normalized_shape, weight, bias, eps);

const norms: Adapters = {
  'nn.functional.layer_norm': call('input normalized_shape weight bias eps', layerNorm),
  // The second and third result are the mean and 1 / deviation.
  native_layer_norm: call('input normalized_shape weight bias eps', (p) => [layerNorm(p), null, null]),
  'nn.functional.batch_norm': call('input running_mean running_var weight bias training momentum eps', (p) =>
    F.batchNorm(p.input, p.running_mean ?? null, p.running_var ?? null, p.weight ?? null, p.bias ?? null, {
      training: false,
      ...optionsOf(p, 'training momentum eps'),
    }),
  ),
  'nn.functional.instance_norm': call('input running_mean running_var weight bias use_input_stats momentum eps', (p) =>
    F.instanceNorm(
      p.input,
      p.running_mean ?? null,
      p.running_var ?? null,
      p.weight ?? null,
      p.bias ?? null,
      optionsOf(p, 'use_input_stats momentum eps'),
    ),
  ),
  'nn.functional.group_norm': call('input num_groups weight bias eps', (p) =>
    F.groupNorm(p.input, p.num_groups, p.weight ?? null, p.bias ?? null, p.eps ?? undefined),
  ),
  'nn.functional.rms_norm': call('input normalized_shape weight eps', (p) =>
    F.rmsNorm(p.input, p.normalized_shape, p.weight ?? null, p.eps ?? null),
  ),
  'nn.functional.local_response_norm': call('input size alpha beta k', (p) =>
    F.localResponseNorm(p.input, p.size, optionsOf(p, 'alpha beta k')),
  ),
};

const pad = (mode: string): Adapter =>
  call('input pad mode value', ({ input, pad: sizes, mode: given = mode, value }) =>
    F.pad(input, sizes, { mode: given, ...((value ?? null) === null ? {} : { value: numberOf(value) }) }),
  );

const padding: Adapters = {
  'nn.functional.pad:constant': pad('constant'),
  'nn.functional.pad:reflect': pad('reflect'),
  'nn.functional.pad:replicate': pad('replicate'),
  'nn.functional.pad:replicate_negative': pad('replicate'),
  'nn.functional.pad:circular': pad('circular'),
  constant_pad_nd: ([input, sizes, value]) => F.pad(input, sizes, { value: numberOf(value ?? 0) }),
  'nn.functional.pixel_shuffle': call('input upscale_factor', (p) => F.pixelShuffle(p.input, p.upscale_factor)),
  'nn.functional.pixel_unshuffle': call('input downscale_factor', (p) => F.pixelUnshuffle(p.input, p.downscale_factor)),
  'nn.functional.channel_shuffle': call('input groups', ({ input, groups }) => F.channelShuffle(input, groups)),
};

const interpolate = ({ input, size, ...rest }: Given, own: Given): Tensor =>
  F.interpolate(input, (size ?? null) === null ? null : single<Given>(size), {
    ...optionsOf(rest, 'scale_factor mode align_corners recompute_scale_factor antialias'),
    ...own,
  });

const interpolation = (mode: string): Adapter =>
  call('input size scale_factor mode align_corners recompute_scale_factor antialias', (p) => interpolate(p, { mode }));

const upsample = (own: Given): Adapter => call('input size scale_factor', (p) => interpolate(p, own));

const modes = ['nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear', 'area'];

const resampling: Adapters = {
  ...Object.fromEntries(modes.map((mode) => [`nn.functional.interpolate:${mode}`, interpolation(mode)])),
  'nn.functional.upsample_bilinear': upsample({ mode: 'bilinear', alignCorners: true }),
  'nn.functional.upsample_nearest': upsample({ mode: 'nearest' }),
  _upsample_bilinear2d_aa: call('input output_size align_corners scales_h scales_w scale_factors', (p) =>
    p.scales_h || p.scales_w
      ? unsupported('scales')
      : interpolate(
          { input: p.input, size: p.output_size, scale_factor: p.scale_factors },
          { mode: 'bilinear', antialias: true, alignCorners: p.align_corners },
        ),
  ),
  'nn.functional.grid_sample': call('input grid mode padding_mode align_corners', (p) =>
    F.gridSample(p.input, p.grid, optionsOf(p, 'mode padding_mode align_corners')),
  ),
  'nn.functional.affine_grid': call('theta size align_corners', (p) =>
    F.affineGrid(p.theta, p.size, optionsOf(p, 'align_corners')),
  ),
};

/** PyTorch's tests pass the indices and the weight in either order. */
const weightAndIndex = ([a, b]: readonly Given[]): readonly [weight: Tensor, index: Tensor] =>
  a.dtype === 'i32' ? [b, a] : [a, b];

const embeddings: Adapters = {
  'nn.functional.embedding': (args, kwargs) => {
    const [weight, index] = weightAndIndex(args);
    return F.embedding(index, weight, optionsOf(kwargs, 'padding_idx max_norm norm_type scale_grad_by_freq'));
  },
  'nn.functional.embedding_bag': (args, kwargs) => {
    const [weight, index] = weightAndIndex(args);
    const names =
      'offsets padding_idx max_norm norm_type scale_grad_by_freq mode per_sample_weights include_last_offset';
    return F.embeddingBag(index, weight, optionsOf({ offsets: args[2], ...kwargs }, names));
  },
};

/** Random numbers are PyTorch's own: only cases that need none can be compared. */
const dropout = (apply: (input: Tensor, p: number, training: boolean) => Tensor): Adapter =>
  call('input p training -inplace', ({ input, p = 0.5, training = true }) => {
    if (training && p !== 0 && p !== 1) unsupported('dropout is random');
    return apply(input, p, training);
  });

export const layers: Adapters = {
  ...convolutions,
  ...pools,
  ...norms,
  ...padding,
  ...resampling,
  ...embeddings,
  'nn.functional.linear': ([input, weight, bias = null]) => F.linear(input, weight, bias),
  'nn.functional.bilinear': ([a, b, weight, bias = null]) => F.bilinear(a, b, weight, bias),
  'nn.functional.scaled_dot_product_attention': call(
    'query key value attn_mask dropout_p is_causal scale enable_gqa',
    (p) => {
      if (p.dropout_p) unsupported('dropout is random');
      return F.scaledDotProductAttention(p.query, p.key, p.value, {
        mask: p.attn_mask ?? null,
        causal: p.is_causal ?? false,
        ...optionsOf(p, 'scale enable_gqa'),
      });
    },
  ),
  'nn.functional.dropout': dropout(F.dropout),
  'nn.functional.dropout2d': dropout(F.dropout2d),
  'nn.functional.dropout3d': dropout(F.dropout3d),
  'nn.functional.alpha_dropout': dropout(F.alphaDropout),
};
