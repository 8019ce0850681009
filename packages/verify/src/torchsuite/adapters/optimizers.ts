/** Optimizers, clipping, loss scaling and schedules. They keep state: each step is computed before the next. */
import { Parameter } from '@tessera/nn';
import { realizeSync, Tensor, tensor } from '@tessera/tensor';
import {
  AdamW,
  clipGradNorm,
  constant,
  GradScaler,
  type Schedule,
  SGD,
  warmupCosine,
  warmupLinear,
} from '@tessera/train/optim';
import { type Adapter, type Adapters, type Given, isTensor, unsupported } from './call.ts';

/** PyTorch's options by our names; what is not here must be left out. */
const optionNames: Readonly<Record<string, string>> = {
  lr: 'lr',
  momentum: 'momentum',
  nesterov: 'nesterov',
  betas: 'betas',
  eps: 'eps',
  weight_decay: 'weightDecay',
};

function translate(options: Readonly<Record<string, Given>>): Record<string, Given> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => {
      const own = optionNames[name];
      if (own !== undefined) return [[own, name === 'lr' && isTensor(value) ? rateOf(value) : value]];
      return value ? unsupported(`option ${name}`) : [];
    }),
  );
}

const rateOf = (lr: Tensor): number => (lr.size > 1 ? unsupported('a tensor of rates goes to step') : lr.itemSync());

const classes = { SGD, AdamW, Adam: AdamW } as const;

/** Whether parameter k gets a gradient in step n, in the cases where some are missing. */
const hasGradient = (k: number, n: number): boolean => !(k === 1 || (k === 2 && n % 2 === 1));

const optimizer =
  (name: keyof typeof classes): Adapter =>
  ([values, steps]: readonly [Tensor[], Tensor[][]] | readonly Given[], { options, rates, missing }) => {
    if (name === 'Adam' && options.weight_decay) unsupported('Adam with an L2 penalty (Tessera has AdamW only)');
    const parameters = values.map((value: Tensor) => new Parameter(value));
    const weightDecay = name === 'AdamW' ? 0.01 : 0;
    const own = new classes[name](parameters, { weightDecay, ...translate(options) });
    return steps.flatMap((gradients: Tensor[], n: number) => {
      own.step(
        gradients.map((gradient, k) => (missing && !hasGradient(k, n) ? null : gradient)),
        ...(rates[n] === null ? [] : [rates[n]]),
      );
      const copies = parameters.map((parameter: Parameter) => Tensor.fromNode(parameter.node).add(0).contiguous());
      realizeSync(...parameters, ...copies);
      return copies;
    });
  };

const duplicate =
  (Optimizer: typeof SGD | typeof AdamW): Adapter =>
  ([value]) => {
    const parameter = new Parameter(value);
    new Optimizer([parameter, parameter], { lr: 0.1 }).step([value, value]);
    return Tensor.fromNode(parameter.node);
  };

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
  'optim:SGD': optimizer('SGD'),
  'optim:AdamW': optimizer('AdamW'),
  'optim:Adam': optimizer('Adam'),
  'optim-duplicate:SGD': duplicate(SGD),
  'optim-duplicate:AdamW': duplicate(AdamW),
  'optim-duplicate:Adam': () => unsupported('Adam'),
  clip: ([gradients, maxNorm]) => {
    const { norm, gradients: clipped } = clipGradNorm(gradients, maxNorm);
    return [norm, ...clipped];
  },
  scaler,
  'sched:cosine': warmup(warmupCosine),
  'sched:linear': warmup(warmupLinear),
  'sched:constant': ([lr, steps]) => rates(constant({ lr }), steps),
};
