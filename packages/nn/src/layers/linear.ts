/** Affine maps of one vector, and bilinear maps of two. */
import { einsum, formatShape, sameShape, Tensor } from '@tessera/tensor';
import { requireShapes, requireTensors, requireWhole } from '../arguments.ts';
import { kaimingUniform, uniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { parametrizationOf } from '../module/parametrize.ts';
import { settings } from '../module/print-module.ts';
import { addBias } from '../precision.ts';

/**
 * x W^T + b.
 *
 * @param input [..., in]
 * @param weight [out, in], or [in] for one output without an axis of its own
 * @param bias [out], or [] for a weight [in]
 * @returns [..., out], or [...]
 * @throws RangeError for shapes that do not fit
 */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  requireTensors('linear', { 'the input': input, 'the weight': weight });
  if (weight.ndim !== 1 && weight.ndim !== 2)
    throw new RangeError(`linear: the weight must be [out, in] or [in], got ${formatShape(weight.shape)}`);
  const width = weight.shape.at(-1);
  if (input.ndim === 0 || input.shape.at(-1) !== width)
    throw new RangeError(
      `linear: input ${formatShape(input.shape)} does not fit weight ${formatShape(weight.shape)}: ` +
        `the last axis must have size ${width}`,
    );
  requireShapes('linear', { bias }, weight.shape.slice(0, -1));
  const product = input.matmul(weight.ndim === 1 ? weight : weight.transpose(0, 1));
  return bias === null ? product : addBias(product, bias);
}

/**
 * `linear` with the weight [out, in] that a module has under a name. A parametrization of the weight may have a cheaper way than to
 * compute it: a low-rank update (`addLora`) acts on the input instead.
 *
 * @param bias [out], or [rows]
 * @param rows the first output that is computed, and the one after the last. Default: all
 * @returns [..., out], or [..., rows]
 */
export function linearOf(
  module: Module,
  name: string,
  input: Tensor,
  bias: Tensor | null = null,
  rows?: readonly [from: number, to: number],
): Tensor {
  const chosen = (packed: Tensor): Tensor => (rows === undefined ? packed : packed.slice(0, ...rows));
  const parametrization = parametrizationOf(module, name);
  if (parametrization?.linear !== undefined) return parametrization.linear(input, bias, chosen);
  const weight = (module as unknown as Record<string, unknown>)[name];
  if (!(weight instanceof Tensor)) throw new TypeError(`linearOf: ${module.constructor.name} has no weight ${name}`);
  return linear(input, chosen(weight), bias);
}

export interface LinearOptions {
  readonly bias?: boolean;
}

/** x W^T + b: [..., inFeatures] to [..., outFeatures]. Weight [out, in] and bias [out] start as U(+-1 / sqrt(in)). */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: LinearOptions = {}) {
    super();
    requireWhole('Linear', { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = new Parameter(kaimingUniform({ a: Math.sqrt(5) })([outFeatures, inFeatures]));
    this.bias = bias ? new Parameter(uniform(inFeatures ** -0.5)([outFeatures])) : null;
  }

  forward(input: Tensor): Tensor {
    return linearOf(this, 'weight', input, this.bias);
  }

  override extraRepr(): string {
    const { inFeatures, outFeatures, bias } = this;
    return settings({ inFeatures, outFeatures, bias: bias !== null });
  }
}

/**
 * y[o] = sum over i and j of x1[i] W[o, i, j] x2[j], plus b[o].
 *
 * @param x1 [..., in1]
 * @param x2 [..., in2], with the same leading axes
 * @param weight [out, in1, in2]
 * @param bias [out]
 * @returns [..., out]
 * @throws RangeError for shapes that do not fit
 */
export function bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  requireTensors('bilinear', { x1, x2, 'the weight': weight });
  const [outputs, in1, in2] = weight.shape;
  const lead = x1.shape.slice(0, -1);
  const fits =
    weight.ndim === 3 &&
    x1.ndim > 0 &&
    x1.shape.at(-1) === in1 &&
    x2.shape.at(-1) === in2 &&
    sameShape(lead, x2.shape.slice(0, -1));
  if (!fits || outputs === undefined)
    throw new RangeError(
      `bilinear: inputs ${formatShape(x1.shape)} and ${formatShape(x2.shape)} and weight ${formatShape(weight.shape)} must be ` +
        '[..., in1], [..., in2] and [out, in1, in2]',
    );
  requireShapes('bilinear', { bias }, [outputs]);
  const half = einsum('ni,oij->noj', x1.reshape([-1, ...x1.shape.slice(-1)]), weight);
  const product = einsum('noj,nj->no', half, x2.reshape([-1, ...x2.shape.slice(-1)])).reshape([...lead, outputs]);
  return bias === null ? product : addBias(product, bias);
}

/** `bilinear` with a trained weight [out, in1, in2] and bias [out], which start as U(+-1 / sqrt(in1)). */
export class Bilinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, { bias = true }: LinearOptions = {}) {
    super();
    requireWhole('Bilinear', { in1Features, in2Features, outFeatures });
    const start = uniform(in1Features ** -0.5);
    this.weight = new Parameter(start([outFeatures, in1Features, in2Features]));
    this.bias = bias ? new Parameter(start([outFeatures])) : null;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias);
  }

  override extraRepr(): string {
    const [out_features, in1_features, in2_features] = this.weight.shape;
    return settings({ in1_features, in2_features, out_features, bias: this.bias !== null });
  }
}
