/** A run in a few large numbers. */
import { formatValue, inUsualOrder, lookOf } from '@tessera/train/charts';
import type { RunSummary } from '../../../shared/api.ts';
import { formatSeconds, whole } from '../../chart/format.ts';

interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}

/** Numbers of the last evaluation of the first split that are shown. */
const mostMeasures = 2;

/** The seconds until the last step at the pace of the last ones; null: not known. */
function secondsLeft({ status, step, totalSteps, pace }: RunSummary): number | null {
  if (status !== 'live' || totalSteps === null || pace?.secondsPerStep == null) return null;
  return (totalSteps - step) * pace.secondsPerStep;
}

function tilesOf(run: RunSummary): Tile[] {
  const { step, totalSteps, epoch, last, pace, evaluations, status } = run;
  const left = secondsLeft(run);
  const [[split, values] = ['', {}]] = Object.entries(evaluations);
  const measures = inUsualOrder('evaluation', Object.keys(values))
    .filter((name) => name !== 'loss')
    .slice(0, mostMeasures);
  const recent = pace === null ? '' : `over the last ${whole(pace.steps)} steps`;
  const machine: Tile[] = [
    ...(pace?.imagesPerSecond == null
      ? []
      : [{ label: 'Images per second', value: formatValue(pace.imagesPerSecond, 'number', 3), note: recent }]),
    ...(pace?.mfu == null
      ? []
      : [{ label: 'MFU', value: formatValue(pace.mfu, 'percent', 3), note: "of the machine's peak" }]),
    ...(last.memory == null
      ? []
      : [{ label: 'Memory', value: formatValue(last.memory, 'bytes', 3), note: 'of the process' }]),
  ];
  return [
    {
      label: 'Step',
      value: whole(step),
      note: [
        ...(totalSteps === null || (totalSteps === step && status === 'finished') ? [] : [`of ${whole(totalSteps)}`]),
        `epoch ${formatValue(epoch, 'number', 3)}`,
        ...(left === null ? [] : [`about ${formatSeconds(left)} left`]),
      ].join(', '),
    },
    ...(last.loss === undefined
      ? []
      : [{ label: 'Training loss', value: formatValue(last.loss, 'number', 4), note: 'at the last step' }]),
    ...measures.map((name) => {
      const { title, format } = lookOf('evaluation', name);
      return { label: title, value: formatValue(values[name], format, 3), note: `${split}, last evaluation` };
    }),
    ...machine,
  ];
}

export function Tiles({ run }: { readonly run: RunSummary }) {
  return (
    <dl class="tiles">
      {tilesOf(run).map(({ label, value, note }) => (
        <div class="card tile" key={label}>
          <dt>{label}</dt>
          <dd class="value">{value}</dd>
          <dd class="muted">{note}</dd>
        </div>
      ))}
    </dl>
  );
}
