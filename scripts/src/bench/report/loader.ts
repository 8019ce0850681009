/** The tables of the benchmark loader. */
import type { LoaderReport, LoaderRow } from '../benchmarks/loader.ts';
import type { StageRow } from '../benchmarks/loader-stages.ts';
import { type Column, formatTable } from './table.ts';

const rowColumns: readonly Column<LoaderRow>[] = [
  { title: 'augmentation', align: 'left', cell: ({ augmentation }) => augmentation },
  { title: 'loader', align: 'left', cell: ({ library, version }) => `${library} ${version}` },
  { title: 'workers', cell: ({ workers }) => String(workers) },
  {
    title: 'images',
    align: 'left',
    meaning: 'decoded in each epoch, or kept from the previous one',
    cell: ({ cached }) => (cached ? 'kept' : 'decoded'),
  },
  {
    title: 'output',
    align: 'left',
    meaning: 'f32: normalized values; bytes: the model normalizes',
    cell: ({ output }) => output,
  },
  { title: 'images/s', meaning: 'of the median epoch', cell: ({ imagesPerSecond }) => imagesPerSecond.toFixed(0) },
  { title: 'best', meaning: 'of the fastest epoch', cell: (row) => row.bestImagesPerSecond.toFixed(0) },
  {
    title: 'CPU',
    meaning: 'time of all threads and processes, ms per image',
    cell: ({ cpuMs }) => cpuMs?.toFixed(2) ?? '',
  },
  {
    title: 'ratio',
    meaning: "its time divided by Tessera's with the same workers, images decoded; above 1, Tessera is faster",
    cell: ({ ratio }) => ratio.toFixed(2),
  },
];

const stageColumns: readonly Column<StageRow>[] = [
  { title: 'stage', align: 'left', cell: ({ stage }) => stage },
  { title: 'ms per image', cell: ({ ms }) => ms.toFixed(2) },
];

export const formatLoaders = ({ images, imageSize, batchSize, rows, stages }: LoaderReport): string =>
  [
    `loader: ${images} JPEG files to ${imageSize} x ${imageSize} pixels, batches of ${batchSize}; loaders in turns`,
    formatTable(rowColumns, rows),
    '',
    'its stages, one after the other in one thread',
    formatTable(stageColumns, stages),
  ].join('\n');

/** What to report of loaders whose pixels differ from Tessera's. */
export const differingPixels = (rows: readonly LoaderRow[]): string[] =>
  rows.flatMap(({ augmentation, library, version, disagreement }) =>
    disagreement === null ? [] : [`loader, ${augmentation}: ${library} ${version}: ${disagreement}`],
  );
