/** The table of the benchmark start. */
import type { StartRow, StartTimes } from '../benchmarks/start.ts';
import { type Column, formatTable } from './table.ts';

const parts: readonly { readonly part: keyof StartTimes; readonly title: string; readonly meaning?: string }[] = [
  { part: 'loading', title: 'loading', meaning: 'starting Node and loading the sources, as with npm run' },
  { part: 'model', title: 'model', meaning: 'the backend, initial values, the optimizer' },
  { part: 'batch', title: 'batch' },
  {
    part: 'recording',
    title: 'recording',
    meaning: 'running the function, and computing state that has no values yet',
  },
  { part: 'scheduling', title: 'scheduling' },
  { part: 'planning', title: 'planning' },
  { part: 'generating', title: 'generating', meaning: 'generating WebAssembly from the plan' },
  { part: 'compiling', title: 'compiling', meaning: 'compiling WebAssembly to machine code, in V8' },
  { part: 'other', title: 'other' },
  { part: 'firstStep', title: 'first step' },
];

export function formatStart(rows: readonly StartRow[]): string {
  const columns: Column<StartRow>[] = [
    { title: 'model', align: 'left', cell: ({ preset, batch }) => `${preset}, ${batch} pairs` },
    {
      title: 'total',
      meaning: 'from the start of the process to the end of its first step',
      cell: ({ totalMs }) => totalMs.toFixed(0),
    },
    { title: 'min', meaning: 'the fastest process', cell: ({ minMs }) => minMs.toFixed(0) },
    { title: 'CPU', meaning: 'CPU time of all threads until then', cell: ({ cpuMs }) => cpuMs.toFixed(0) },
    ...parts.map(
      ({ part, ...column }): Column<StartRow> => ({ ...column, cell: (row) => row.milliseconds[part].toFixed(0) }),
    ),
    { title: 'second', meaning: 'the second step', cell: ({ secondStepMs }) => secondStepMs.toFixed(0) },
  ];
  const runs = rows[0]?.runs ?? 0;
  return [
    `start: a training step of CLIP in a new process, ms, medians of ${runs} processes`,
    formatTable(columns, rows),
  ].join('\n');
}
