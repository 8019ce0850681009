/** The table of the benchmark runtimes. */
import type { RuntimeRow, RuntimesReport } from '../benchmarks/runtimes.ts';
import { type Column, digits, formatTable } from './table.ts';

const columns: readonly Column<RuntimeRow>[] = [
  { title: 'runtime', align: 'left', cell: ({ title }) => title },
  { title: 'version', align: 'left', cell: ({ version }) => version },
  { title: 'threads', cell: ({ threads }) => String(threads) },
  { title: 'median', meaning: 'ms of a step', cell: ({ medianMs }) => medianMs.toFixed(0) },
  { title: 'best', cell: ({ minMs }) => minMs.toFixed(0) },
  {
    title: 'ratio',
    meaning: "the median of the ratios to the first row's step of the same round",
    cell: ({ ratio }) => digits(ratio),
  },
  { title: 'loss', meaning: 'after the last step', cell: ({ loss }) => loss.toFixed(6) },
];

export const formatRuntimes = ({ preset, batch, rounds, load, rows, missing }: RuntimesReport): string =>
  [
    `runtimes: a training step of CLIP ${preset}, ${batch} pairs, in ${rounds} rounds of one step each; load of the machine ${load.toFixed(1)}`,
    formatTable(columns, rows),
    ...missing.map((line) => `not installed: ${line}`),
  ].join('\n');
