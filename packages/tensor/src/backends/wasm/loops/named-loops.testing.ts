/** The kernels in which training spends most of its time, in the form that the scheduler would write. */

import type { DType } from '../../../kernel/dtype.ts';
import { stridedView, type View } from '../../../kernel/view.ts';
import { KernelWriter } from './loop.testing.ts';

type Float = 'f32' | 'f64';

/** Writes a kernel over a matrix [rows, columns]; `alongRows` and `alongColumns` are views of one number a row or a column. */
class MatrixWriter extends KernelWriter {
  readonly rows: number;
  readonly columns: number;

  constructor(rows: number, columns: number, reducedAxis: 0 | 1) {
    super([rows, columns], [reducedAxis]);
    this.rows = rows;
    this.columns = columns;
  }

  matrix(dtype: DType): number {
    return this.buffer(dtype, this.rows * this.columns);
  }

  perRow(dtype: DType): number {
    return this.buffer(dtype, this.rows);
  }

  perColumn(dtype: DType): number {
    return this.buffer(dtype, this.columns);
  }

  get alongRows(): View {
    return stridedView([this.rows, this.columns], [1, 0]);
  }

  get alongColumns(): View {
    return stridedView([this.rows, this.columns], [0, 1]);
  }
}

/** y = exp(x - max) / sum of exp(x - max) along the columns. */
export function softmax(rows: number, columns: number, dtype: Float): KernelWriter {
  const w = new MatrixWriter(rows, columns, 1);
  const x = w.load(w.matrix(dtype));
  const e = w.unary('exp', w.sub(x, w.reduce('max', x)));
  w.store(w.matrix(dtype), w.div(e, w.reduce('sum', e)));
  return w;
}

/** The gradient of softmax, written over the gradient of its result: y (g - sum of g y). */
export function softmaxGradient(rows: number, columns: number, dtype: Float): KernelWriter {
  const w = new MatrixWriter(rows, columns, 1);
  const y = w.load(w.matrix(dtype));
  const gradient = w.matrix(dtype);
  const g = w.load(gradient);
  w.store(gradient, w.binary('mul', y, w.sub(g, w.reduce('sum', w.binary('mul', g, y)))));
  return w;
}

/** Layer normalization with weight and bias, which also stores the mean and the reciprocal deviation of each row. */
export function layerNorm(rows: number, columns: number, dtype: Float): KernelWriter {
  const w = new MatrixWriter(rows, columns, 1);
  const x = w.load(w.matrix(dtype));
  const share = w.constant(1 / columns, dtype);
  const mean = w.binary('mul', w.reduce('sum', x), share);
  const centered = w.sub(x, mean);
  const variance = w.binary('mul', w.reduce('sum', w.binary('mul', centered, centered)), share);
  const scale = w.unary('recip', w.unary('sqrt', w.binary('add', variance, w.constant(1e-5, dtype))));
  const weighted = w.binary('mul', w.binary('mul', centered, scale), w.load(w.perColumn(dtype), w.alongColumns));
  w.store(w.matrix(dtype), w.binary('add', weighted, w.load(w.perColumn(dtype), w.alongColumns)));
  w.storeOnce(w.perRow(dtype), mean, w.alongRows);
  w.storeOnce(w.perRow(dtype), scale, w.alongRows);
  return w;
}

/** The gradients of layer normalization's weight and bias: sums over the rows. */
export function layerNormWeightGradient(rows: number, columns: number, dtype: Float): KernelWriter {
  const w = new MatrixWriter(rows, columns, 0);
  const x = w.load(w.matrix(dtype));
  const g = w.load(w.matrix(dtype));
  const mean = w.load(w.perRow(dtype), w.alongRows);
  const scale = w.load(w.perRow(dtype), w.alongRows);
  const normalized = w.binary('mul', w.sub(x, mean), scale);
  w.storeOnce(w.perColumn(dtype), w.reduce('sum', w.binary('mul', g, normalized)), w.alongColumns);
  w.storeOnce(w.perColumn(dtype), w.reduce('sum', g), w.alongColumns);
  return w;
}

/** The mean and the biased variance of each channel, channels last, and the running average of the mean in place. */
export function batchNormStatistics(rows: number, columns: number, dtype: Float): KernelWriter {
  const w = new MatrixWriter(rows, columns, 0);
  const x = w.load(w.matrix(dtype));
  const share = w.constant(1 / rows, dtype);
  const mean = w.binary('mul', w.reduce('sum', x), share);
  const centered = w.sub(x, mean);
  const variance = w.binary('mul', w.reduce('sum', w.binary('mul', centered, centered)), share);
  const running = w.perColumn(dtype);
  const average = w.binary(
    'add',
    w.binary('mul', w.load(running, w.alongColumns), w.constant(0.9, dtype)),
    w.binary('mul', mean, w.constant(0.1, dtype)),
  );
  w.storeOnce(w.perColumn(dtype), mean, w.alongColumns);
  w.storeOnce(w.perColumn(dtype), variance, w.alongColumns);
  w.storeOnce(running, average, w.alongColumns);
  return w;
}

/** The sums of the channels of [batch, channels, pixels]: a kept axis between two reduced ones. */
export function channelSums(batch: number, channels: number, pixels: number, dtype: Float): KernelWriter {
  const w = new KernelWriter([batch, channels, pixels], [0, 2]);
  const x = w.load(w.buffer(dtype, batch * channels * pixels));
  w.storeOnce(w.buffer(dtype, channels), w.reduce('sum', x), stridedView([batch, channels, pixels], [0, 1, 0]));
  return w;
}

/** GELU by the error function, and its derivative times the incoming gradient. */
export function gelu(size: number, dtype: Float): KernelWriter {
  const w = new KernelWriter([size]);
  const x = w.load(w.buffer(dtype, size));
  const scaled = w.binary('mul', x, w.constant(Math.SQRT1_2, dtype));
  const share = w.binary('mul', w.binary('add', w.unary('erf', scaled), w.constant(1, dtype)), w.constant(0.5, dtype));
  const square = w.binary('mul', x, x);
  const density = w.binary(
    'mul',
    w.unary('exp', w.binary('mul', square, w.constant(-0.5, dtype))),
    w.constant(0.3989422804, dtype),
  );
  const slope = w.binary('add', share, w.binary('mul', x, density));
  w.store(w.buffer(dtype, size), w.binary('mul', x, share));
  w.store(w.buffer(dtype, size), w.binary('mul', w.load(w.buffer(dtype, size)), slope));
  return w;
}

/** x * sigmoid(1.702 x). */
export function quickGelu(size: number, dtype: Float): KernelWriter {
  const w = new KernelWriter([size]);
  const x = w.load(w.buffer(dtype, size));
  const e = w.unary('exp', w.unary('neg', w.binary('mul', x, w.constant(1.702, dtype))));
  w.store(w.buffer(dtype, size), w.div(x, w.binary('add', e, w.constant(1, dtype))));
  return w;
}

/** AdamW in place. The buffers are parameter, mean, variance, gradient, and (learning rate, bias corrections). */
export function adamW(size: number, dtype: Float): KernelWriter {
  const w = new KernelWriter([size]);
  const [parameter, mean, variance, gradient] = [
    w.buffer(dtype, size),
    w.buffer(dtype, size),
    w.buffer(dtype, size),
    w.buffer(dtype, size),
  ];
  const numbers = w.buffer(dtype, 3);
  const scalar = (k: number): number => w.load(numbers, stridedView([size], [0], k));
  const c = (value: number): number => w.constant(value, dtype);
  const mul = (a: number, b: number): number => w.binary('mul', a, b);
  const add = (a: number, b: number): number => w.binary('add', a, b);
  const g = w.load(gradient);
  const m = add(mul(w.load(mean), c(0.9)), mul(g, c(0.1)));
  const v = add(mul(w.load(variance), c(0.98)), mul(mul(g, g), c(0.02)));
  const step = w.div(mul(m, scalar(1)), add(w.unary('sqrt', mul(v, scalar(2))), c(1e-6)));
  const p = w.load(parameter);
  const decayed = mul(p, w.sub(c(1), mul(scalar(0), c(0.2))));
  w.store(parameter, w.sub(decayed, mul(scalar(0), step)));
  w.store(mean, m);
  w.store(variance, v);
  return w;
}

/** out[b, i, j] = x[b, i, j] + y[b, j, i], in place over x. */
export function addTransposed(batch: number, rows: number, columns: number, dtype: DType): KernelWriter {
  const shape = [batch, rows, columns];
  const w = new KernelWriter(shape);
  const x = w.buffer(dtype, batch * rows * columns);
  const y = w.load(w.buffer(dtype, batch * rows * columns), stridedView(shape, [rows * columns, 1, rows]));
  w.store(x, w.binary('add', w.load(x), y));
  return w;
}

/** Channels first to channels last, with a factor for each channel and an index: everything that can occur in a tile. */
export function toChannelsLast(batch: number, channels: number, pixels: number): KernelWriter {
  const shape = [batch, pixels, channels];
  const w = new KernelWriter(shape);
  const x = w.load(w.buffer('f32', batch * pixels * channels), stridedView(shape, [pixels * channels, 1, pixels]));
  const factor = w.load(w.buffer('f32', channels), stridedView(shape, [0, 0, 1]));
  const perPixel = w.load(w.buffer('f32', pixels), stridedView(shape, [0, 1, 0]));
  const index = w.cast(w.index([0, 1, 100], 3), 'f32');
  const scaled = w.binary('mul', x, w.binary('add', factor, perPixel));
  w.store(w.buffer('f32', batch * pixels * channels), w.binary('add', scaled, index));
  return w;
}
