/** Timing several contestants in turn, so that slow phases of the machine affect all of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './statistics.ts';

export interface Contestant {
  /** Runs the work `runs` times and returns the time of each run in ms. */
  measure(runs: number): Promise<readonly number[]>;
}

export interface RaceOptions {
  /** The number of rounds. Each contestant has one turn per round. */
  readonly rounds: number;
  /** The approximate length of a turn in ms; the work is repeated to fill it. Default 40. */
  readonly turnMs?: number;
  /** The least warm-up time of each contestant in ms. Default 200. */
  readonly warmUpMs?: number;
  /** A contestant that has used this much time in ms, including the warm-up, has no further turns. Default: no limit. */
  readonly budgetMs?: number;
}

export interface RaceTimes {
  /** The times of all runs in ms. */
  readonly times: number[];
  /** The median of each round. */
  readonly rounds: number[];
}

/**
 * Idle threads of the previous contestant spin for a while, those of OpenBLAS and OpenMP for 100 ms and more, and would take cores from
 * the next one.
 */
const pauseMs = 400;
const largestTurn = 500;
const unlimited = Number.POSITIVE_INFINITY;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Runs the work before the race, so that code is compiled and caches are filled. @returns the times in ms */
async function warmUp(
  contestant: Contestant,
  { warmUpMs = 200, budgetMs = unlimited }: RaceOptions,
): Promise<number[]> {
  const times: number[] = [...(await contestant.measure(1))];
  while (sum(times) < budgetMs && (times.length < 3 || sum(times) < warmUpMs)) {
    const missing = Math.ceil((warmUpMs - sum(times)) / Math.min(...times));
    times.push(...(await contestant.measure(Math.max(1, Math.min(largestTurn, missing)))));
  }
  return times;
}

/**
 * Times the contestants in turn, so that a slow phase of the machine affects all of them. Each contestant is warmed up before. If the
 * warm-up takes the whole budget, its last run is the result.
 */
export async function race(contestants: readonly Contestant[], options: RaceOptions): Promise<RaceTimes[]> {
  const { rounds, turnMs = 40, budgetMs = unlimited } = options;
  const runners = [];
  for (const contestant of contestants) {
    const warm = await warmUp(contestant, options);
    const runs = Math.max(1, Math.min(largestTurn, Math.round(turnMs / Math.min(...warm))));
    const last = sum(warm) < budgetMs ? [] : warm.slice(-1);
    runners.push({ contestant, runs, used: sum(warm), times: [...last], rounds: [...last] });
  }
  for (let round = 0; round < rounds; round++)
    for (const runner of runners) {
      if (runner.used >= budgetMs) continue;
      await sleep(pauseMs);
      const times = await runner.contestant.measure(runner.runs);
      runner.used += sum(times);
      runner.times.push(...times);
      runner.rounds.push(median(times));
    }
  return runners.map(({ times, rounds }) => ({ times, rounds }));
}
