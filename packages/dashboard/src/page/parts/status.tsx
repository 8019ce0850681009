/** How a run is doing: a colored sign, and the words for it. */
import type { RunStatus, RunSummary } from '../../shared/api.ts';

const words: Readonly<Record<RunStatus, string>> = {
  live: 'is being trained',
  finished: 'finished',
  interrupted: 'interrupted',
  waiting: 'has no step yet',
};

export const statusWords = (status: RunStatus): string => words[status];

export function StatusSign({ status }: { readonly status: RunStatus }) {
  return (
    <i
      class={status === 'live' ? 'sign pulse' : `sign ${status}`}
      role="img"
      aria-label={words[status]}
      title={words[status]}
    />
  );
}

/** How far a run is, from 0 to 1; null: unknown. */
const progressOf = ({ step, totalSteps }: RunSummary): number | null =>
  totalSteps === null || totalSteps === 0 ? null : Math.min(1, step / totalSteps);

export function ProgressLine({ run }: { readonly run: RunSummary }) {
  const progress = progressOf(run);
  if (run.status !== 'live' || progress === null) return null;
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={`progress of ${run.name}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * progress)}
    >
      <i style={{ width: `${100 * progress}%` }} />
    </div>
  );
}
