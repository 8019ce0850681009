/** Optimizers and schedules as choices of a configuration: an entry declares the settings of each, and creates it from them. */
import type { Parameter } from '@tessera/nn';
import { z } from 'zod';
import { noDecay, type Optimizer } from './optimizer.ts';

/** The learning rate of a step; steps count from 0. */
export type Schedule = (step: number) => number;

export const rate = z.number().nonnegative();
export const share = z.number().min(0).max(1);
export const steps = z.int().nonnegative();

/** The settings that every optimizer has. */
const commonFields = {
  lr: rate.default(1e-3).describe('highest learning rate'),
  weightDecay: rate
    .default(0.2)
    .describe(
      'weight decay of all parameters but biases, norms, logit_scale and others with fewer than two dimensions',
    ),
};

/** A choice of the setting `optimizer.kind`. */
export interface OptimizerChoice {
  readonly kind: string;
  readonly schema: z.ZodObject;
  create(settings: unknown, parameters: readonly (readonly [name: string, parameter: Parameter])[]): Optimizer;
}

/**
 * Declares an optimizer.
 *
 * @param fields its own settings, besides `lr` and `weightDecay`
 * @param create receives all settings, and the groups of parameters that have settings of their own
 */
export function defineOptimizer<Kind extends string, Fields extends z.ZodRawShape>(
  kind: Kind,
  description: string,
  fields: Fields,
  create: (
    parameters: readonly (readonly [name: string, parameter: Parameter])[],
    settings: z.infer<z.ZodObject<typeof commonFields & Fields>> & { readonly groups: readonly [typeof noDecay] },
  ) => Optimizer,
): OptimizerChoice {
  const schema = z.strictObject({ kind: z.literal(kind), ...commonFields, ...fields }).describe(description);
  return {
    kind,
    schema: schema as unknown as z.ZodObject,
    create(settings, parameters) {
      const { kind: _, ...own } = settings as Record<string, unknown>;
      return create(parameters, { ...own, groups: [noDecay] } as never);
    },
  };
}

/** A choice of the setting `schedule.kind`. */
export interface ScheduleChoice {
  readonly kind: string;
  readonly schema: z.ZodObject;
  create(settings: unknown, run: { readonly lr: number; readonly totalSteps: number }): Schedule;
}

/** Declares a schedule of the learning rate. `create` receives its settings with the run's highest rate and number of steps. */
export function defineSchedule<Kind extends string, Fields extends z.ZodRawShape>(
  kind: Kind,
  description: string,
  fields: Fields,
  create: (settings: z.infer<z.ZodObject<Fields>> & { readonly lr: number; readonly totalSteps: number }) => Schedule,
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
