/** The tables of the benchmark scaling. */
import type { ScalingFit, ScalingReport, ScalingRow } from '../benchmarks/scaling.ts';
import type { PowerLaw } from '../measure/power-law.ts';
import { type Column, digits, formatTable, percent } from './table.ts';

const mega = 1e6;

export function formatScaling({ model, rows, fits }: ScalingReport): string {
  const points: Column<ScalingRow>[] = [
    { title: 'axis', align: 'left', cell: ({ axis }) => axis },
    { title: 'value', cell: ({ value }) => String(value) },
    { title: 'ms', meaning: 'fastest step', cell: ({ milliseconds }) => digits(milliseconds) },
    { title: 'GFLOP/s', cell: ({ operations, milliseconds }) => digits(operations / milliseconds / mega) },
    {
      title: 'arena MB',
      meaning: 'memory for temporaries, and how much it exceeds the largest size that is alive at the same time',
      cell: ({ arenaBytes, liveBytes }) => `${digits(arenaBytes / mega)} +${percent(arenaBytes / liveBytes - 1)}`,
    },
    { title: 'kernels', cell: ({ kernels }) => String(kernels) },
    { title: 'compile s', cell: ({ compileMs }) => digits(compileMs / 1000) },
  ];
  const law = ({ exponent, deviation }: PowerLaw): string => `${exponent.toFixed(2)} (${percent(deviation)})`;
  const laws: Column<ScalingFit>[] = [
    { title: 'axis', align: 'left', cell: ({ axis }) => axis },
    {
      title: 'time',
      meaning: 'exponent of the fitted power law, and the largest deviation from it',
      cell: ({ time }) => law(time),
    },
    { title: 'operations', cell: ({ operations }) => law(operations) },
    { title: 'memory', cell: ({ memory }) => law(memory) },
  ];
  return [
    `scaling: a training step of ${model}, 64 pairs on all threads, with one variable changed at a time (16 pairs for image size and width)`,
    formatTable(points, rows),
    '',
    formatTable(laws, fits),
  ].join('\n');
}
