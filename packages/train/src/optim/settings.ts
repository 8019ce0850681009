/** Optimizers and schedules as choices of a configuration: an entry declares the settings of each, and creates it from them. */
import type { Parameter } from '@tessera/nn';
import { z } from 'zod';
import { noDecay, type Optimizer, type ParameterGroup } from './optimizer.ts';

/** The learning rate of a step; steps count from 0. */
export type Schedule = (step: number) => number;

export const rate = z.number().nonnegative();
export const share = z.number().min(0).max(1);
export const steps = z.int().nonnegative();
export const count = z.int().positive();

const groupSchema = z.strictObject({
  match: z
    .string()
    .min(1)
    .describe(
      'names of parameters: the beginning of names (visual), whole names within them (attn.out_proj), or a pattern of whole names with * (*.bias)',
    ),
  lrScale: rate.default(1).describe('factor on the learning rate; 0: the parameters are not changed'),
  weightDecay: rate
    .nullable()
    .default(null)
    .describe('takes the place of optimizer.weightDecay, for the same kinds of parameters; null: that one'),
});

/** The settings of groups of parameters. */
const groupFields = {
  groups: z
    .array(groupSchema)
    .default([])
    .describe(
      'parameters with another learning rate or weight decay: [{match: visual, lrScale: 0.1, weightDecay: 0}, ...]; the first group that matches a parameter counts',
    ),
  layerDecay: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .default(null)
    .describe(
      'each layer of a tower has the learning rate of the layer above it, times this factor; heads have the full rate; null: all layers have the same',
    ),
};

/** The settings that decide the groups of a run. */
export interface GroupSettings {
  readonly weightDecay: number;
  readonly groups: readonly z.infer<typeof groupSchema>[];
  readonly layerDecay: number | null;
}

/** The settings that every optimizer has. */
const commonFields = {
  lr: rate.default(1e-3).describe('highest learning rate'),
  weightDecay: rate
    .default(0.2)
    .describe(
      'weight decay of all parameters but biases, norms, logit_scale and others with fewer than two dimensions',
    ),
  ...groupFields,
};

/** Weight decay as a part of the gradient, with another default. */
export const l2Fields = {
  weightDecay: rate
    .default(0)
    .describe('L2 penalty: the share of each parameter, but those without weight decay, that is added to its gradient'),
};

export const decoupledField = z
  .boolean()
  .default(false)
  .describe('whether weight decay acts on the parameters directly instead of as a part of the gradient');

export const trustClipField = z.boolean().default(false).describe('whether no parameter has a larger rate than lr');

export const alwaysAdaptField = z
  .boolean()
  .default(false)
  .describe('whether the rate follows the size of parameters without weight decay too');

/** A choice of the setting `optimizer.kind`. */
export interface OptimizerChoice {
  readonly kind: string;
  readonly schema: z.ZodObject;
  /** @param groups groups of the parameters, in place of the settings `groups` and `layerDecay`: see `parameterGroups`. Default: `noDecay` */
  create(
    settings: unknown,
    parameters: readonly (readonly [name: string, parameter: Parameter])[],
    groups?: readonly ParameterGroup[],
  ): Optimizer;
}

/**
 * Declares an optimizer.
 *
 * @param fields its own settings, besides `lr` and `weightDecay`, or in place of them where they mean something else
 * @param create receives all settings, and the groups of parameters that have settings of their own
 */
export function defineOptimizer<Kind extends string, Fields extends z.ZodRawShape>(
  kind: Kind,
  description: string,
  fields: Fields,
  create: (
    parameters: readonly (readonly [name: string, parameter: Parameter])[],
    settings: z.infer<z.ZodObject<Omit<typeof commonFields, keyof Fields | keyof typeof groupFields> & Fields>> & {
      readonly groups: readonly ParameterGroup[];
    },
  ) => Optimizer,
): OptimizerChoice {
  const schema = z.strictObject({ kind: z.literal(kind), ...commonFields, ...fields }).describe(description);
  return {
    kind,
    schema: schema as unknown as z.ZodObject,
    create(settings, parameters, groups = [noDecay]) {
      const { kind: _, layerDecay: __, ...own } = settings as Record<string, unknown>;
      return create(parameters, { ...own, groups } as never);
    },
  };
}

/** What a schedule must know about its run. */
export interface ScheduledRun {
  /** The highest learning rate. */
  readonly lr: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** The number of epochs, the last one incomplete where the run ends within it. */
  readonly epochs: number;
  /** The setting that decides how long the run is, with its value, for messages: `training.epochs=10`. */
  readonly length: string;
  /** Epochs from one evaluation to the next; null: only the last epoch is evaluated. */
  readonly evaluatedEpochs: number | null;
  /** Which values of the run's main measure are better. */
  readonly better: 'higher' | 'lower';
}

/** A schedule that follows the values of a measure. Its state is JSON. */
export interface MeasuredSchedule {
  /** The measure's name; null: the run's main measure. */
  readonly metric: string | null;
  /** The learning rate of a step. */
  rate(step: number): number;
  /** Takes the value of an evaluation. */
  observe(value: number): void;
  state(): unknown;
  /** Continues from a state; null: from the start. */
  load(state: unknown): void;
}

/** A choice of the setting `schedule.kind`. */
export interface ScheduleChoice {
  readonly kind: string;
  readonly schema: z.ZodObject;
  /** @throws RangeError where the settings do not fit the run; the message names them */
  create(settings: unknown, run: ScheduledRun): Schedule | MeasuredSchedule;
}

/** Declares a schedule of the learning rate. `create` receives its settings with what it must know about the run. */
export function defineSchedule<Kind extends string, Fields extends z.ZodRawShape>(
  kind: Kind,
  description: string,
  fields: Fields,
  create: (settings: z.infer<z.ZodObject<Fields>> & ScheduledRun) => Schedule | MeasuredSchedule,
): ScheduleChoice {
  const schema = z.strictObject({ kind: z.literal(kind), ...fields }).describe(description);
  return {
    kind,
    schema: schema as unknown as z.ZodObject,
    create(settings, run) {
      const { kind: _, ...own } = settings as Record<string, unknown>;
      return create({ ...own, ...run } as never);
    },
  };
}
