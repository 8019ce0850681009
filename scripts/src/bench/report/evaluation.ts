/** The table of the benchmark evaluation. */
import type { EvaluationReport, EvaluationRow, Pace } from '../benchmarks/evaluation.ts';
import { type Column, digits, formatTable, percent } from './table.ts';

const rate = ({ imagesPerSecond }: Pace): string => imagesPerSecond.toFixed(0);

export function formatEvaluation({ dataset, workers, batchSize, rows }: EvaluationReport): string {
  const columns: Column<EvaluationRow>[] = [
    { title: 'model', align: 'left', cell: ({ preset }) => preset },
    { title: 'images', cell: ({ images }) => String(images) },
    { title: 'images/s', meaning: 'decoding, encoding and classifying', cell: ({ whole }) => rate(whole) },
    {
      title: 'GFLOP/s',
      meaning: 'operations of products and convolutions in the image encoder, at this speed',
      cell: ({ operations, whole }) => digits((operations * whole.imagesPerSecond) / 1e9),
    },
    {
      title: 'MFU',
      meaning: 'that rate divided by the highest rate of a matrix product in this run',
      cell: ({ mfu }) => percent(mfu),
    },
    {
      title: 'encoder',
      meaning: 'images/s of encoding alone, followed by its MFU',
      cell: ({ encoder }) => rate(encoder),
    },
    { title: 'its MFU', cell: ({ encoderMfu }) => percent(encoderMfu) },
    { title: 'decoder', meaning: 'images/s of reading and decoding alone', cell: ({ decoder }) => rate(decoder) },
    { title: 'limit', meaning: 'the slower of encoder and decoder', align: 'left', cell: ({ limit }) => limit },
    {
      title: 'CPU ms',
      meaning: 'CPU time per image: encoding alone + decoding alone, and the whole evaluation',
      cell: ({ encoder, decoder, whole }) =>
        `${encoder.cpuMs.toFixed(2)} + ${decoder.cpuMs.toFixed(2)}, ${whole.cpuMs.toFixed(2)}`,
    },
    {
      title: 'of possible',
      meaning: 'speed divided by the speed that the CPU time of both parts, spread over all cores, allows',
      cell: ({ whole, possible }) => percent(whole.imagesPerSecond / possible),
    },
  ];
  const title = `evaluation: zero-shot classification of ${dataset}, batches of ${batchSize}, ${workers} thread for reading and decoding`;
  return [title, formatTable(columns, rows)].join('\n');
}
