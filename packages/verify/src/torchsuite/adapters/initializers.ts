/** Initial values: random numbers are compared by mean, deviation and bounds. */
import { Conv2d, Embedding, init, Linear, type Module, MultiheadAttention } from '@tessera/nn';
import { type Shape, type Tensor, tensor } from '@tessera/tensor';
import type { Adapter, Adapters, Given } from './call.ts';

const isConstant = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

/** Mean, standard deviation, smallest and largest value. */
function statistics(values: readonly number[]): number[] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
  return [
    mean,
    deviation,
    values.reduce((least, x) => Math.min(least, x)),
    values.reduce((most, x) => Math.max(most, x)),
  ];
}

const valuesOf = (source: Tensor): number[] => Array.from(source.dataSync());

const initializer =
  (make: (options: Given) => (shape: Shape) => Tensor): Adapter =>
  ([shape], { options }) =>
    tensor(statistics(valuesOf(make(options)(shape))));

/** The parameters of a new layer: those with enough values for statistics, and those that are constant. */
const layer =
  (make: () => Module): Adapter =>
  () =>
    make()
      .namedParameters()
      .map(([, parameter]) => valuesOf(parameter))
      .filter((values) => values.length >= 5000 || isConstant(values))
      .map((values) => tensor(statistics(values)));

export const initializers: Adapters = {
  'init:kaiming_uniform': initializer(init.kaimingUniform),
  'init:kaiming_normal': initializer(init.kaimingNormal),
  'init:xavier_uniform': initializer(init.xavierUniform),
  'init:xavier_normal': initializer(init.xavierNormal),
  'init:trunc_normal': initializer(init.truncNormal),
  'init:normal': initializer(init.normal),
  'init-module:Linear': layer(() => new Linear(400, 200)),
  'init-module:Conv2d': layer(() => new Conv2d(32, 64, [5, 7])),
  'init-module:Conv2d groups': layer(() => new Conv2d(32, 64, 5, { groups: 4 })),
  'init-module:Embedding': layer(() => new Embedding(300, 200)),
  'init-module:MultiheadAttention': layer(() => new MultiheadAttention(128, 4)),
};
