/** The figures of the benchmark dashboard. */
import type { DashboardReport } from '../benchmarks/dashboard.ts';
import type { FollowerReport } from '../benchmarks/follower.ts';

const seconds = (milliseconds: number | null): string =>
  milliseconds === null ? 'not measured: no Chromium' : `${(milliseconds / 1000).toFixed(2)} s`;

export const formatDashboard = ({
  runs,
  steps,
  bytes,
  start,
  open,
  openAll,
  indexed,
  openIndexed,
}: DashboardReport): string =>
  [
    `dashboard: ${runs} runs of ${steps.toLocaleString('en')} steps, ${(bytes / 1e9).toFixed(1)} GB of metrics`,
    `  start of the server         ${seconds(start)}`,
    `  the page with 8 runs        ${seconds(open)}, without an index`,
    `  the page with all runs      ${seconds(openAll)}, while files are indexed`,
    `  all runs indexed after      ${seconds(indexed)}, in the background`,
    `  the page with all runs      ${seconds(openIndexed)}, once they are indexed`,
  ].join('\n');

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

export const formatFollower = ({
  rounds,
  seconds: part,
  aloneStepsPerSecond,
  followedStepsPerSecond,
  ratio,
  quarters: [low, high],
  changes,
}: FollowerReport): string =>
  [
    `dashboard: a live run with a follower, ${rounds} rounds of ${part} s each with and without it`,
    `  steps per second alone      ${aloneStepsPerSecond.toPrecision(4)}`,
    `  steps per second followed   ${followedStepsPerSecond.toPrecision(4)}, ${changes} changes sent`,
    `  speed with a follower       ${percent(ratio)} of that without (half of the rounds: ${percent(low)} to ${percent(high)})`,
  ].join('\n');
