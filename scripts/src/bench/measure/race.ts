import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './statistics.ts';

export interface Contestant {
  /** Runs the work `runs` times and tells how long each run took, in milliseconds. */
  measure(runs: number): Promise<readonly number[]>;
}

export interface RaceOptions {
  /** Turns that each contestant gets. */
  readonly rounds: number;
  /** A turn repeats the work until about this much time has passed, in milliseconds. Default 40. */
  readonly turnMs?: number;
  /** Each contestant runs for at least this long before anything is timed, in milliseconds. Default 200. */
  readonly warmUpMs?: number;
  /** Who has used up this much time, warm-up included, takes no further turns, in milliseconds. Default: no limit. */
  readonly budgetMs?: number;
}

export interface RaceTimes {
  /** Every timed run, in milliseconds. */
  readonly times: number[];
  /** The median of each round. */
  readonly rounds: number[];
}

/**
 * Threads of whoever ran last still spin in wait of more work: OpenBLAS's and OpenMP's for 100 ms and more, which would cost the next
 * one a core.
 */
const pauseMs = 400;
const largestTurn = 500;
const unlimited = Number.POSITIVE_INFINITY;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Runs the work before it counts, so that code is compiled and caches are filled. Returns the times. */
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
 * Lets the contestants take turns, so that whatever slows the machine for a while slows all of them. Each has run its work once before.
 * Who needs the whole budget for the warm-up is judged by its last run there.
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
