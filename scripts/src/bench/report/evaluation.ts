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
      meaning: 'of products and convolutions in the image encoder, at that pace',
      cell: ({ operations, whole }) => digits((operations * whole.imagesPerSecond) / 1e9),
    },
    {
      title: 'MFU',
      meaning: 'that rate / the highest rate of any matrix product of this run',
      cell: ({ mfu }) => percent(mfu),
    },
    { title: 'encoder', meaning: 'images/s of encoding alone, and its MFU', cell: ({ encoder }) => rate(encoder) },
    { title: 'its MFU', cell: ({ encoderMfu }) => percent(encoderMfu) },
    { title: 'decoder', meaning: 'images/s of reading and decoding alone', cell: ({ decoder }) => rate(decoder) },
    { title: 'limit', meaning: 'the slower of the two', align: 'left', cell: ({ limit }) => limit },
    {
      title: 'CPU ms',
      meaning: 'processor time an image: encoding alone + decoding alone, and all together',
      cell: ({ encoder, decoder, whole }) =>
        `${encoder.cpuMs.toFixed(2)} + ${decoder.cpuMs.toFixed(2)}, ${whole.cpuMs.toFixed(2)}`,
    },
    {
      title: 'of possible',
      meaning: 'pace / what the processor time of both parts, spread over the cores, allows',
      cell: ({ whole, possible }) => percent(whole.imagesPerSecond / possible),
    },
  ];
  const title = `evaluation: zero-shot classification of ${dataset}, batches of ${batchSize}, ${workers} thread to read and decode`;
  return [title, formatTable(columns, rows)].join('\n');
}
