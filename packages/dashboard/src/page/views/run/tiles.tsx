/** A run in a few large numbers. */
import { inUsualOrder, lookOf } from '@tessera/train/charts';
import type { RunSummary } from '../../../shared/api.ts';
import { formatSeconds, formatValue, whole } from '../../chart/format.ts';

interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}

/** Numbers of the last evaluation of the first split that are shown. */
const mostMeasures = 2;

/** The seconds until the last step at the pace since the beginning of the run; null: not known. */
function secondsLeft({ status, step, totalSteps, started, updated }: RunSummary): number | null {
  if (status !== 'live' || totalSteps === null || updated === null || step === 0 || started === 0) return null;
  const passed = (updated - started) / 1000;
  return passed <= 0 ? null : ((totalSteps - step) * passed) / step;
}

function tilesOf(run: RunSummary): Tile[] {
  const { step, totalSteps, epoch, last, evaluations, status } = run;
  const left = secondsLeft(run);
  const [[split, values] = ['', {}]] = Object.entries(evaluations);
  const measures = inUsualOrder('evaluation', Object.keys(values))
    .filter((name) => name !== 'loss')
    .slice(0, mostMeasures);
  const machine: Tile[] = (['imagesPerSecond', 'mfu', 'memory'] as const).flatMap((name) => {
    const value = last[name];
    const { title, format } = lookOf('step', name);
    return value == null ? [] : [{ label: title, value: formatValue(value, format, 3), note: 'at the last step' }];
  });
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
