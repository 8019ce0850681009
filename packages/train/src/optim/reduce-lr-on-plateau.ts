/** The schedule that lowers the learning rate when a measure stops improving. */
import { z } from 'zod';
import { measureFields, modes } from './measure-fields.ts';
import { rampedUp, warmupField, withWarmupSteps } from './schedule.ts';
import { checkRate, checkSteps } from './schedule-checks.ts';
import { defineSchedule, type MeasuredSchedule, rate, steps } from './settings.ts';

const thresholdModes = ['rel', 'abs'] as const;

export interface ReduceLROnPlateauOptions {
  /** The first rate. */
  lr: number;
  /** Whether smaller or larger values are better. Default 'min'. */
  mode?: (typeof modes)[number];
  /** Factor on the rate. Below 1. Default 0.1. */
  factor?: number;
  /** Number of values without an improvement that are accepted: one more lowers the rate. Default 10. */
  patience?: number;
  /** How much better a value must be to count. Default 1e-4. */
  threshold?: number;
  /** Whether the threshold is relative to the best value. Default 'rel'. */
  thresholdMode?: (typeof thresholdModes)[number];
  /** Number of values after a reduction that do not count as bad. Default 0. */
  cooldown?: number;
  /** The rate does not fall below this. Default 0. */
  minLr?: number;
  /** A reduction by less than this is not made. Default 1e-8. */
  eps?: number;
}

/** The state, as JSON. */
export interface PlateauState {
  readonly lr: number;
  /** Null before the first value. */
  readonly best: number | null;
  readonly badValues: number;
  readonly cooldown: number;
}

/**
 * Multiplies the learning rate by a factor when a measure has not improved for some evaluations, with the rules and defaults of
 * `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 */
export class ReduceLROnPlateau {
  readonly options: Readonly<Required<ReduceLROnPlateauOptions>>;
  #state: PlateauState;

  /** @throws RangeError for options that are out of range */
  constructor(options: ReduceLROnPlateauOptions) {
    const { lr, mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
    const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
    const name = 'ReduceLROnPlateau';
    for (const [option, value] of Object.entries({ lr, factor, threshold, minLr, eps })) checkRate(name, option, value);
    for (const [option, value] of Object.entries({ patience, cooldown })) checkSteps(name, option, value);
    if (factor >= 1) throw new RangeError(`${name}: factor is ${factor}, expected a number below 1`);
    if (!modes.includes(mode)) throw new RangeError(`${name}: mode is ${mode}, expected ${modes.join(' or ')}`);
    if (!thresholdModes.includes(thresholdMode))
      throw new RangeError(`${name}: thresholdMode is ${thresholdMode}, expected ${thresholdModes.join(' or ')}`);
    this.options = { lr, mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps };
    this.#state = { lr, best: null, badValues: 0, cooldown: 0 };
  }

  /** The current rate. */
  get lr(): number {
    return this.#state.lr;
  }

  /** Takes the next value of the measure, and returns the rate from now on. */
  step(value: number): number {
    const { patience, cooldown: pause, factor, minLr, eps } = this.options;
    let { lr, best, badValues, cooldown } = this.#state;
    if (this.#isBetter(value, best)) {
      best = value;
      badValues = 0;
    } else badValues++;
    if (cooldown > 0) {
      cooldown--;
      badValues = 0;
    }
    if (badValues > patience) {
      const reduced = Math.max(lr * factor, minLr);
      if (lr - reduced > eps) lr = reduced;
      cooldown = pause;
      badValues = 0;
    }
    this.#state = { lr, best, badValues, cooldown };
    return lr;
  }

  #isBetter(value: number, best: number | null): boolean {
    if (best === null) return !Number.isNaN(value);
    const { mode, threshold, thresholdMode } = this.options;
    const sign = mode === 'min' ? -1 : 1;
    const bound = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? value < bound : value > bound;
  }

  state(): PlateauState {
    return this.#state;
  }

  loadState(state: PlateauState): void {
    this.#state = { ...state };
  }
}

/** A warm-up, and then the rate of a `ReduceLROnPlateau`. */
class PlateauSchedule implements MeasuredSchedule {
  readonly metric: string | null;
  readonly rate: (step: number) => number;
  readonly #reducer: ReduceLROnPlateau;
  readonly #start: PlateauState;

  constructor(reducer: ReduceLROnPlateau, metric: string | null, warmupSteps: number) {
    this.#reducer = reducer;
    this.#start = reducer.state();
    this.metric = metric;
    this.rate = rampedUp(() => reducer.lr, warmupSteps);
  }

  observe(value: number): void {
    this.#reducer.step(value);
  }

  state(): PlateauState {
    return this.#reducer.state();
  }

  load(state: unknown): void {
    this.#reducer.loadState((state as PlateauState | null) ?? this.#start);
  }
}

/** The setting `schedule.kind: plateau`. */
export const plateauSchedule = defineSchedule(
  'plateau',
  'the rate is multiplied by factor when a measure of the evaluations stops improving',
  {
    ...warmupField,
    ...measureFields,
    factor: rate.lt(1).default(0.1).describe('factor on the rate'),
    patience: steps.default(10).describe('evaluations without an improvement that are accepted'),
    threshold: rate.default(1e-4).describe('how much better a value must be to count'),
    thresholdMode: z
      .enum(thresholdModes)
      .default('rel')
      .describe('whether the threshold is relative to the best value'),
    cooldown: steps.default(0).describe('evaluations after a reduction that do not count'),
    minLr: rate.default(0).describe('the rate does not fall below this'),
    eps: rate.default(1e-8).describe('a reduction by less than this is not made'),
  },
  (settings) => {
    const { warmupSteps, metric, mode, better, evaluatedEpochs, epochs, patience, ...others } =
      withWarmupSteps(settings);
    if (evaluatedEpochs === null)
      throw new RangeError(
        'schedule.kind=plateau follows an evaluated measure, but evaluation.everyEpochs is null: set it, for example to 1',
      );
    if (metric !== null && mode === null)
      throw new RangeError(`schedule.metric is ${metric}: set schedule.mode to min or max, whichever is better`);
    const evaluations = Math.floor((epochs - 1) / evaluatedEpochs);
    if (patience >= evaluations)
      throw new RangeError(
        `schedule.patience is ${patience}, but the run has ${evaluations} evaluations before its last epoch, so the rate would never change`,
      );
    const reducer = new ReduceLROnPlateau({ ...others, patience, mode: mode ?? (better === 'higher' ? 'max' : 'min') });
    return new PlateauSchedule(reducer, metric, warmupSteps);
  },
);
