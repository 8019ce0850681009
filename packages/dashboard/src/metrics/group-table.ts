/**
 * The numbers of a run's steps in groups of consecutive steps: smallest, largest, sum and count of each number. The size of a group is a
 * power of two, and doubles whenever there are too many groups, so that a run of any length takes a bounded amount of memory.
 */
import type { Axis } from '../shared/api.ts';

/** Groups are joined in pairs when there would be more. */
export const mostGroups = 4096;

/** One step of a run. */
export interface StepSample {
  /** Its place on each axis. */
  readonly at: Readonly<Record<Axis, number>>;
  /** By name; null: not finite. */
  readonly values: Readonly<Record<string, number | null>>;
  /** Where its line begins in the file, in bytes. */
  readonly offset: number;
}

/** One metric: an entry for each group. */
export interface MetricGroups {
  readonly min: number[];
  readonly max: number[];
  readonly sum: number[];
  /** The number of finite values. */
  readonly count: number[];
  readonly nonFinite: number[];
}

/** The places of groups on one axis. */
export interface PlaceGroups {
  readonly first: number[];
  readonly last: number[];
}

const emptyGroups = (length: number): MetricGroups => ({
  min: new Array<number>(length).fill(Number.POSITIVE_INFINITY),
  max: new Array<number>(length).fill(Number.NEGATIVE_INFINITY),
  sum: new Array<number>(length).fill(0),
  count: new Array<number>(length).fill(0),
  nonFinite: new Array<number>(length).fill(0),
});

export class GroupTable {
  /** Steps in a group; the last group may have fewer. */
  groupSize = 1;
  /** The number of steps. */
  steps = 0;
  readonly places: Readonly<Record<Axis, PlaceGroups>> = {
    step: { first: [], last: [] },
    epoch: { first: [], last: [] },
    time: { first: [], last: [] },
    date: { first: [], last: [] },
  };
  /** Where the first line of each group begins in the file. */
  readonly offsets: number[] = [];
  readonly metrics = new Map<string, MetricGroups>();

  get groups(): number {
    return this.offsets.length;
  }

  add({ at, values, offset }: StepSample): void {
    if (this.steps === mostGroups * this.groupSize) this.#join();
    const isNew = this.steps % this.groupSize === 0;
    if (isNew) this.#open(at, offset);
    this.steps++;
    const group = this.groups - 1;
    this.#close(at, group);
    for (const name in values) {
      const value = values[name] as number | null;
      let metric = this.metrics.get(name);
      if (metric === undefined) {
        metric = emptyGroups(this.groups);
        this.metrics.set(name, metric);
      }
      if (value === null) {
        (metric.nonFinite[group] as number)++;
        continue;
      }
      if (value < (metric.min[group] as number)) metric.min[group] = value;
      if (value > (metric.max[group] as number)) metric.max[group] = value;
      metric.sum[group] = (metric.sum[group] as number) + value;
      (metric.count[group] as number)++;
    }
  }

  #open(at: StepSample['at'], offset: number): void {
    this.offsets.push(offset);
    for (const axis in at) {
      const { first, last } = this.places[axis as Axis];
      first.push(at[axis as Axis]);
      last.push(at[axis as Axis]);
    }
    for (const { min, max, sum, count, nonFinite } of this.metrics.values()) {
      min.push(Number.POSITIVE_INFINITY);
      max.push(Number.NEGATIVE_INFINITY);
      sum.push(0);
      count.push(0);
      nonFinite.push(0);
    }
  }

  #close(at: StepSample['at'], group: number): void {
    for (const axis in at) this.places[axis as Axis].last[group] = at[axis as Axis];
  }

  /** Joins groups in pairs. Their number is even. */
  #join(): void {
    const half = this.groups / 2;
    const inPairs = (values: number[], joined: (a: number, b: number) => number): void => {
      for (let k = 0; k < half; k++) values[k] = joined(values[2 * k] as number, values[2 * k + 1] as number);
      values.length = half;
    };
    const add = (a: number, b: number): number => a + b;
    for (const { first, last } of Object.values(this.places)) {
      inPairs(first, (a) => a);
      inPairs(last, (_, b) => b);
    }
    inPairs(this.offsets, (a) => a);
    for (const { min, max, sum, count, nonFinite } of this.metrics.values()) {
      inPairs(min, Math.min);
      inPairs(max, Math.max);
      inPairs(sum, add);
      inPairs(count, add);
      inPairs(nonFinite, add);
    }
    this.groupSize *= 2;
  }
}
