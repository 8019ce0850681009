/** The figures of the benchmark dashboard. */
import type { DashboardReport } from '../benchmarks/dashboard.ts';

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
