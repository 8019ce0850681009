/** Optimizers, clipping, loss scaling and schedules. They keep state: each step is computed before the next. */
import { Parameter } from '@tessera/nn';
import { realizeSync, Tensor, tensor } from '@tessera/tensor';
import {
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  clipGradNorm,
  clipGradValue,
  constant,
  GradScaler,
  NAdam,
  type Optimizer,
  RAdam,
  RMSprop,
  Rprop,
  type Schedule,
  SGD,
  warmupCosine,
  warmupLinear,
} from '@tessera/train/optim';
import { type Adapter, type Adapters, type Given, isTensor, type Keywords, optionsOf } from './call.ts';

/** How PyTorch computes the step, which changes nothing. */
const ignored = new Set(['foreach', 'fused', 'capturable', 'differentiable']);

const number = (value: Given): Given => (isTensor(value) && value.size === 1 ? value.itemSync() : value);

/** PyTorch's options under our names. A tensor as the rate is passed on. */
const translate = (options: Keywords): Record<string, Given> =>
  optionsOf(
    Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        name === 'lr' ? value : Array.isArray(value) ? value.map(number) : number(value),
      ]),
    ),
    Object.keys(options)
      .filter((name) => !ignored.has(name))
      .join(' '),
  );

const classes = { SGD, Adam, AdamW, NAdam, RAdam, RMSprop, Adagrad, Adadelta, Adamax, Rprop, Adafactor } as const;

/** Whether parameter k gets a gradient in step n, in the cases where some are missing. */
const hasGradient = (k: number, n: number): boolean => !(k === 1 || (k === 2 && n % 2 === 1));

type Make = (parameters: readonly Parameter[], options: Given) => Optimizer;

const optimizer =
  (make: Make): Adapter =>
  ([values, steps], { options, rates: given, missing }) => {
    const parameters: Parameter[] = values.map((value: Tensor) => new Parameter(value));
    const own = make(parameters, translate(options));
    return steps.flatMap((gradients: Tensor[], n: number) => {
      const used = gradients.map((gradient, k) => (missing && !hasGradient(k, n) ? null : gradient));
      if (given[n] === null) own.step(used);
      else own.step(used, given[n]);
      const copies = parameters.map((parameter) => Tensor.fromNode(parameter.node).add(0).contiguous());
      realizeSync(...parameters, ...copies);
      return copies;
    });
  };

const duplicate =
  (make: Make): Adapter =>
  ([value]) => {
    const parameter = new Parameter(value);
    make([parameter, parameter], { lr: 0.1 }).step([value, value]);
    return Tensor.fromNode(parameter.node);
  };

const each = (prefix: string, adapter: (make: Make) => Adapter): Adapters =>
  Object.fromEntries(
    Object.entries(classes).map(([name, Class]) => [
      `${prefix}:${name}`,
      adapter((parameters, options) => new Class(parameters, options)),
    ]),
  );

const scaler: Adapter = ([overflows, options]) => {
  const own = new GradScaler({
    initScale: options.init_scale,
    growthFactor: options.growth_factor ?? 2,
    backoffFactor: options.backoff_factor ?? 0.5,
    growthInterval: options.growth_interval ?? 2000,
  });
  return overflows.flatMap((overflow: number) => {
    own.update(tensor(!overflow));
    return [own.factor, own.growthTracker].map((state) =>
      tensor(state.dataSync(), { shape: [], dtype: state === own.factor ? 'f32' : 'i32' }),
    );
  });
};

const rates = (schedule: Schedule, steps: number): Tensor =>
  tensor(Float64Array.from({ length: steps }, (_, step) => schedule(step)));

const warmup =
  (make: typeof warmupCosine): Adapter =>
  ([lr, warmupSteps, totalSteps, minLr, steps]) =>
    rates(make({ lr, warmupSteps, totalSteps, minLr }), steps);

export const optimizers: Adapters = {
  ...each('optim', optimizer),
  ...each('optim-duplicate', duplicate),
  clip: ([gradients, maxNorm], { norm_type = 2 }) => {
    const { norm, gradients: clipped } = clipGradNorm(gradients, maxNorm, { normType: norm_type });
    return [norm, ...clipped];
  },
  'clip-value': ([gradients, value]) => clipGradValue(gradients, value),
  scaler,
  'sched:cosine': warmup(warmupCosine),
  'sched:linear': warmup(warmupLinear),
  'sched:constant': ([lr, steps]) => rates(constant({ lr }), steps),
};
