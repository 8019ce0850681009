/** Layers as functions: linear, convolution, pooling, normalization, attention, interpolation, dropout. */
import { functional as F, l2Normalize } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Adapter, type Adapters, call, single, unsupported } from './call.ts';

type Sizes = number | readonly number[];
type Pair = number | readonly [number, number];

/** One size for both axes, or one for each. */
const pair = (value: Sizes): Pair => single(value) as Pair;

const images = (input: Tensor): Tensor => (input.ndim === 4 ? input : unsupported(`${input.ndim}-d input`));

interface Conv {
  readonly input: Tensor;
  readonly weight: Tensor;
  readonly bias?: Tensor | null;
  readonly stride?: Sizes;
  readonly padding?: Sizes | string;
  readonly dilation?: Sizes;
  readonly groups?: number;
}

const conv2d = call<Conv>(
  'input weight bias stride padding dilation groups',
  ({ input, weight, bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 }) => {
    if (typeof padding === 'string') return unsupported("padding='same'/'valid'");
    return F.conv2d(images(input), weight, bias, {
      stride: pair(stride),
      padding: pair(padding),
      dilation: pair(dilation),
      groups,
    });
  },
);

interface Pool {
  readonly input: Tensor;
  readonly kernel_size: Sizes;
  readonly stride?: Sizes | null;
  readonly padding?: Sizes;
  readonly dilation?: Sizes;
  readonly ceil_mode?: boolean;
  readonly count_include_pad?: boolean;
  readonly divisor_override?: number | null;
  readonly return_indices?: boolean;
}

const pool =
  (apply: typeof F.avgPool2d) =>
  ({ input, kernel_size, stride, padding = 0, ...given }: Pool): Tensor => {
    if (given.ceil_mode) unsupported('ceil_mode');
    if (given.return_indices) unsupported('return_indices');
    if (given.divisor_override) unsupported('divisor_override');
    if (given.count_include_pad === false) unsupported('count_include_pad=False');
    if ([given.dilation ?? 1].flat().some((d) => d !== 1)) unsupported('dilation');
    const hasStride = stride !== undefined && stride !== null && !(Array.isArray(stride) && stride.length === 0);
    return apply(images(input), pair(kernel_size), {
      ...(hasStride ? { stride: pair(stride) } : {}),
      padding: pair(padding),
    });
  };

interface Interpolate {
  readonly input: Tensor;
  readonly size?: Sizes | null;
  readonly align_corners?: boolean | null;
  readonly antialias?: boolean;
}

type Mode = 'nearest' | 'bilinear' | 'bicubic';

const interpolate = (mode: Mode): Adapter =>
  call<Interpolate>(
    'input size scale_factor mode align_corners recompute_scale_factor antialias',
    ({ input, size = null, align_corners, antialias = false }) => {
      if (size === null) return unsupported('scale_factor');
      return F.interpolate(images(input), bothSizes(size), { mode, antialias, alignCorners: align_corners ?? false });
    },
  );

const bothSizes = (size: Sizes): readonly [number, number] => {
  const [height = 0, width = height] = [size].flat();
  return [height, width];
};

const upsample = (mode: Mode): Adapter =>
  call<Interpolate>('input size scale_factor', ({ input, size = null }) =>
    size === null
      ? unsupported('scale_factor')
      : F.interpolate(images(input), bothSizes(size), { mode, ...(mode === 'nearest' ? {} : { alignCorners: true }) }),
  );

interface Upsample {
  readonly input: Tensor;
  readonly output_size?: readonly [number, number] | null;
  readonly align_corners: boolean;
  readonly scales_h?: number | null;
  readonly scales_w?: number | null;
}

interface LayerNorm {
  readonly input: Tensor;
  readonly normalized_shape: readonly number[];
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  readonly eps?: number;
}

const layerNorm = ({ input, normalized_shape, weight = null, bias = null, eps = 1e-5 }: LayerNorm): Tensor =>
  F.layerNorm(input, normalized_shape, weight, bias, eps);

interface BatchNorm {
  readonly input: Tensor;
  readonly running_mean?: Tensor | null;
  readonly running_var?: Tensor | null;
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  readonly training?: boolean;
  readonly momentum?: number;
  readonly eps?: number;
}

interface Attention {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly attn_mask?: Tensor | null;
  readonly dropout_p?: number;
  readonly is_causal?: boolean;
  readonly scale?: number | null;
  readonly enable_gqa?: boolean;
}

interface Normalize {
  readonly input: Tensor;
  readonly p?: number;
  readonly dim?: number;
  readonly eps?: number;
}

export const layers: Adapters = {
  'nn.functional.linear': ([input, weight, bias = null]) =>
    weight.ndim === 2 ? F.linear(input, weight, bias) : unsupported('1-d weight'),
  'nn.functional.conv2d': conv2d,
  'nn.functional.avg_pool2d': call<Pool>(
    'input kernel_size stride padding ceil_mode count_include_pad divisor_override',
    pool(F.avgPool2d),
  ),
  'nn.functional.max_pool2d': call<Pool>(
    'input kernel_size stride padding dilation ceil_mode return_indices',
    pool(F.maxPool2d),
  ),
  'nn.functional.adaptive_avg_pool2d': () => unsupported('no adaptive pooling'),
  'nn.functional.unfold': () => unsupported('no F.unfold'),
  'nn.functional.layer_norm': call<LayerNorm>('input normalized_shape weight bias eps', layerNorm),
  native_layer_norm: call<LayerNorm>('input normalized_shape weight bias eps', (given) => [
    layerNorm(given),
    null,
    null,
  ]),
  'nn.functional.batch_norm': call<BatchNorm>(
    'input running_mean running_var weight bias training momentum eps',
    ({ input, running_mean, running_var, weight, bias, training = false, momentum = 0.1, eps = 1e-5 }) =>
      F.batchNorm(input, running_mean ?? null, running_var ?? null, weight ?? null, bias ?? null, {
        training,
        momentum,
        eps,
      }),
  ),
  'nn.functional.interpolate:nearest': interpolate('nearest'),
  'nn.functional.interpolate:bilinear': interpolate('bilinear'),
  'nn.functional.interpolate:bicubic': interpolate('bicubic'),
  'nn.functional.upsample_bilinear': upsample('bilinear'),
  'nn.functional.upsample_nearest': upsample('nearest'),
  _upsample_bilinear2d_aa: call<Upsample>(
    'input output_size align_corners scales_h scales_w scale_factors',
    ({ input, output_size, align_corners, scales_h, scales_w }) => {
      if (!output_size) return unsupported('scale_factors');
      if (scales_h || scales_w) unsupported('scales');
      return F.interpolate(images(input), output_size, {
        mode: 'bilinear',
        antialias: true,
        alignCorners: align_corners,
      });
    },
  ),
  'nn.functional.scaled_dot_product_attention': call<Attention>(
    'query key value attn_mask dropout_p is_causal scale enable_gqa',
    ({ query, key, value, attn_mask = null, dropout_p = 0, is_causal: causal = false, scale, enable_gqa }) => {
      if (enable_gqa) unsupported('enable_gqa');
      if (dropout_p) unsupported('dropout is random');
      if (query.ndim !== 4) unsupported(`${query.ndim}-d query`);
      return F.scaledDotProductAttention(query, key, value, {
        mask: attn_mask,
        causal,
        ...(scale === undefined || scale === null ? {} : { scale }),
      });
    },
  ),
  'nn.functional.multi_head_attention_forward': () => unsupported('see nn.MultiheadAttention'),
  'nn.functional.normalize': call<Normalize>('input p dim eps', ({ input, p = 2, dim = 1, eps = 1e-12 }) => {
    if (p !== 2) unsupported(`p=${p}`);
    if (input.ndim === 0) unsupported('rank 0');
    if ((dim < 0 ? dim + input.ndim : dim) !== input.ndim - 1) unsupported('axis other than the last');
    return l2Normalize(input, eps);
  }),
  'nn.functional.dropout': call<{ input: Tensor; p?: number; training?: boolean }>(
    'input p training -inplace',
    ({ input, p = 0.5, training = true }) => {
      if (training && p !== 0 && p !== 1) unsupported('dropout is random');
      return F.dropout(input, p, training);
    },
  ),
};
