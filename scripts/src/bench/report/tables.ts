/** The tables of the benchmarks of products, training steps, data and memory. */
import type { ClipStepRow } from '../benchmarks/clip-step.ts';
import type { DataReport } from '../benchmarks/data.ts';
import type { MemoryRow } from '../benchmarks/memory.ts';
import type { KernelGroup } from '../measure/profile.ts';
import { type Roof, roofOf } from '../measure/roofline.ts';
import { bestOfEach, type Entry, type Row } from '../session.ts';
import { type Column, digits, formatTable, percent } from './table.ts';

const mega = 1e6;

/** Name and version, without a suffix after a plus sign. Two versions of one library have separate columns. */
const titleOf = ({ library, version }: Entry): string => `${library} ${version.replace(/\+.*/, '')}`;

/** One column per library and version: time, ratio and threads of its fastest setting. */
function peerColumns(rows: readonly Row[]): Column<Row>[] {
  const titles = [...new Set(rows.flatMap(({ peers }) => peers.map(titleOf)))];
  return titles.map((title, k) => ({
    title,
    ...(k === 0
      ? {
          meaning:
            'its median time in ms, that time divided by ours (above 1: Tessera is faster), threads of its fastest setting',
        }
      : {}),
    cell: ({ peers, unsupported }) => {
      const [best] = bestOfEach(peers.filter((entry) => titleOf(entry) === title));
      if (best === undefined) return unsupported.some(({ library }) => title.startsWith(library)) ? 'n/a' : '';
      return `${digits(best.medianMs)}  ${best.ratio.toFixed(2)}x  ${best.threads}t${best.disagreement === null ? '' : ' !'}`;
    },
  }));
}

const timeColumns: readonly Column<Row>[] = [
  { title: 'ms', meaning: 'our time, median of all runs', cell: ({ ours }) => digits(ours.medianMs) },
  { title: 'min', meaning: 'our fastest run, ms', cell: ({ ours }) => digits(ours.minMs) },
  {
    title: 'GFLOP/s',
    meaning: 'operations of products and convolutions divided by the median time',
    cell: ({ ours }) => digits(ours.gflops),
  },
];

const mfuColumn = (peak: number, title: string): Column<Row> => ({
  title,
  meaning: 'that rate divided by the highest rate of a matrix product in this run',
  cell: ({ ours }) => percent(ours.gflops / peak),
});

/** Remarks below a table: slow kernels of Tessera, and works that other libraries do not support. */
const remarks = (rows: readonly Row[]): string[] => [
  ...rows.flatMap(({ label, slowKernels }) => {
    const counts = new Map<string, number>();
    for (const { kernel } of slowKernels) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
    const names = [...counts].map(([kernel, count]) => (count === 1 ? kernel : `${kernel} (${count})`));
    return names.length === 0 ? [] : [`  on a slow path in ${label} (--json shows why): ${names.join(', ')}`];
  }),
  ...new Set(
    rows.flatMap(({ unsupported }) =>
      unsupported.map(({ library, reason }) => `  not supported by ${library}: ${reason}`),
    ),
  ),
];

export function formatProducts(title: string, rows: readonly Row[], peak: number): string {
  const columns: Column<Row>[] = [
    { title: 'work', align: 'left', cell: ({ label }) => label },
    { title: 'GFLOP', cell: ({ operations }) => digits(operations / 1e9) },
    ...timeColumns,
    mfuColumn(peak, 'of peak'),
    ...peerColumns(rows),
  ];
  return [title, formatTable(columns, rows), ...remarks(rows)].join('\n');
}

/** The rates of all libraries at all numbers of threads, for one work. */
export function formatRates({ label, operations, ours, peers }: Row): string {
  const columns: Column<Entry>[] = [
    { title: label, align: 'left', cell: titleOf },
    { title: 'threads', cell: ({ threads }) => String(threads) },
    { title: 'GFLOP/s', cell: ({ gflops }) => digits(gflops) },
    { title: 'best', meaning: 'GFLOP/s of the fastest run', cell: ({ minMs }) => digits(operations / minMs / mega) },
  ];
  return formatTable(columns, [ours, ...peers]);
}

export function formatClipStep(rows: readonly ClipStepRow[], peak: number, roof: Roof | null): string {
  const columns: Column<ClipStepRow>[] = [
    { title: 'model', align: 'left', cell: ({ label }) => label },
    { title: 'parameters', cell: ({ parameters }) => `${(parameters / mega).toFixed(2)} M` },
    { title: 'GFLOP', cell: ({ operations }) => digits(operations / 1e9) },
    ...timeColumns,
    { title: 'images/s', cell: ({ imagesPerSecond }) => digits(imagesPerSecond) },
    mfuColumn(peak, 'MFU'),
    { title: 'kernels', cell: ({ kernels }) => String(kernels) },
    {
      title: 'arena MB',
      meaning: 'memory for temporaries, and how much it exceeds the largest size that is alive at the same time',
      cell: ({ arenaBytes, liveBytes }) => `${digits(arenaBytes / mega)} +${percent(arenaBytes / liveBytes - 1)}`,
    },
    {
      title: 'compile s',
      meaning: 'recording, scheduling, planning and code generation, which happen once',
      cell: ({ compileMs }) => digits(compileMs / 1000),
    },
    ...peerColumns(rows),
  ];
  const profiles = rows.flatMap(({ label, profile }) =>
    profile === null ? [] : ['', formatProfile(label, profile, roof)],
  );
  const traces = rows.flatMap(({ label, trace }) =>
    trace === null
      ? []
      : [
          `  ${label}, one traced step: ${digits(trace.milliseconds)} ms, of which threads were busy for ${percent(trace.busy)}`,
        ],
  );
  const title = 'clip-step: a training step of CLIP: forward, backward, clipping, AdamW';
  return [title, formatTable(columns, rows), ...remarks(rows), ...traces, ...profiles].join('\n');
}

const profiled = 30;

const roofColumns = (roof: Roof): Column<KernelGroup>[] => [
  {
    title: 'of roof',
    meaning: 'the time at peak rate or memory bandwidth, divided by its time; above 100 % if data comes from a cache',
    cell: (group) => percent(roofOf(group, roof).milliseconds / group.milliseconds),
  },
  {
    title: 'bound',
    meaning: 'which of the two limits the kernel',
    align: 'left',
    cell: (group) => roofOf(group, roof).bound,
  },
];

function formatProfile(label: string, profile: readonly KernelGroup[], roof: Roof | null): string {
  const total = profile.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const kernels = profile.reduce((sum, { count }) => sum + count, 0);
  const columns: Column<KernelGroup>[] = [
    { title: 'kernel', align: 'left', cell: ({ kernel }) => kernel },
    {
      title: 'shape',
      meaning: 'for products m x n x k, with dots between axes; otherwise the domain, with reduced axes in parentheses',
      align: 'left',
      cell: ({ shape }) => shape,
    },
    { title: 'count', meaning: 'the number of equal kernels in the step', cell: ({ count }) => String(count) },
    {
      title: 'ms',
      meaning: 'the time of all of them, the best of three passes',
      cell: ({ milliseconds }) => milliseconds.toFixed(2),
    },
    {
      title: 'share',
      meaning: 'fraction of the time of all kernels',
      cell: ({ milliseconds }) => percent(milliseconds / total),
    },
    {
      title: 'GFLOP/s',
      meaning: 'an instruction of a fused program counts as one operation',
      cell: ({ operations, milliseconds }) => digits(operations / milliseconds / mega),
    },
    {
      title: 'GB/s',
      meaning: 'memory reads and writes, each access counted once',
      cell: ({ bytes, milliseconds }) => digits(bytes / milliseconds / mega),
    },
    ...(roof === null ? [] : roofColumns(roof)),
  ];
  const title = `${label}: ${kernels} kernels on one thread take ${total.toFixed(1)} ms; the slowest groups`;
  const least = profile.reduce((sum, group) => sum + (roof === null ? 0 : roofOf(group, roof).milliseconds), 0);
  const allowed =
    roof === null
      ? []
      : [
          `  all kernels at the roof (${digits(roof.gflops)} GFLOP/s, ${digits(roof.gigabytes)} GB/s) would take ${least.toFixed(1)} ms, ` +
            `${percent(least / total)} of their time`,
        ];
  return [title, formatTable(columns, profile.slice(0, profiled)), ...allowed].join('\n');
}

export function formatData({ dataset, images, imageSize, batchSize, rows }: DataReport): string {
  const title = `data: ${dataset}, ${images} images to ${imageSize} x ${imageSize} pixels in batches of ${batchSize}, augmented`;
  const columns: Column<DataReport['rows'][number]>[] = [
    {
      title: 'workers',
      meaning: 'threads for decoding and augmentation; 0: the training thread itself',
      cell: ({ workers }) => String(workers),
    },
    {
      title: 'decoded images',
      meaning: 'decoded again, or kept from the previous epoch',
      align: 'left',
      cell: ({ cached }) => (cached ? 'kept' : 'decoded again'),
    },
    { title: 'images/s', meaning: 'median epoch', cell: ({ imagesPerSecond }) => imagesPerSecond.toFixed(0) },
    { title: 'best', meaning: 'fastest epoch', cell: ({ bestImagesPerSecond }) => bestImagesPerSecond.toFixed(0) },
  ];
  return [title, formatTable(columns, rows)].join('\n');
}

export function formatMemory(rows: readonly MemoryRow[]): string {
  const megabytes = (bytes: number): string => (bytes / mega).toFixed(1);
  const columns: Column<MemoryRow>[] = [
    { title: 'steps', align: 'left', cell: ({ mode }) => mode },
    ...(['early', 'late'] as const).flatMap((moment): Column<MemoryRow>[] => [
      { title: `MB ${moment}`, cell: (row) => megabytes(row[moment].residentBytes) },
      { title: `tensors ${moment}`, cell: (row) => megabytes(row[moment].tensorBytes) },
    ]),
    { title: 'growth', meaning: 'growth of the resident size', cell: ({ growth }) => percent(growth) },
  ];
  const [first] = rows;
  const title = `memory: resident size and tensors in MB after ${first?.early.step} and ${first?.late.step} steps of a tiny CLIP`;
  return [title, formatTable(columns, rows)].join('\n');
}
