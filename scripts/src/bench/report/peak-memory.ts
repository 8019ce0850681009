/** The table of the benchmark peak-memory. */
import type { PeakMemoryRow, PeakSample } from '../benchmarks/peak-memory.ts';
import { type Column, formatTable } from './table.ts';

interface Line extends PeakSample {
  readonly label: string;
  readonly library: string;
  readonly ratio: number;
  readonly disagreement: string | null;
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

const columns: readonly Column<Line>[] = [
  { title: 'model', align: 'left', cell: ({ label }) => label },
  { title: 'library', align: 'left', cell: ({ library }) => library },
  { title: 'peak MiB', meaning: 'largest resident size of the process', cell: ({ peakBytes }) => mebibytes(peakBytes) },
  {
    title: 'start MiB',
    meaning: 'the same before the model is created: runtime and library alone',
    cell: ({ importBytes }) => mebibytes(importBytes),
  },
  { title: 'to ours', cell: ({ ratio, disagreement }) => `${ratio.toFixed(2)}x${disagreement === null ? '' : ' !'}` },
];

export function formatPeakMemory(rows: readonly PeakMemoryRow[]): string {
  const lines = rows.flatMap(({ label, ours, peers }): Line[] => [
    { label, library: 'Tessera', ...ours, ratio: 1, disagreement: null },
    ...peers.map((entry) => ({ label, ...entry, library: `PyTorch ${entry.version.replace(/\+.*/, '')}` })),
  ]);
  const remarks = rows.map(
    ({ label, parameters, tensorBytes }) =>
      `  ${label}: ${(parameters / 1e6).toFixed(1)} M parameters; Tessera's tensors and temporaries take ${mebibytes(tensorBytes)} MiB`,
  );
  const title = 'peak-memory: a process that creates a model and runs three training steps';
  return [title, formatTable(columns, lines), ...remarks].join('\n');
}

/** What to report of peers whose losses differ from Tessera's. */
export const differingLosses = (rows: readonly PeakMemoryRow[]): string[] =>
  rows.flatMap(({ label, peers }) =>
    peers.flatMap(({ library, version, disagreement }) =>
      disagreement === null ? [] : [`peak-memory, ${label}: ${library} ${version}: ${disagreement}`],
    ),
  );
