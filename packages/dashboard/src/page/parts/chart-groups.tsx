/** All charts of some runs, in groups: results, training, machine. */
import { inUsualOrder, isCurve, lookOf } from '@tessera/train/charts';
import { useState } from 'preact/hooks';
import type { EvaluationPoint, RunCurves } from '../../shared/api.ts';
import { useTheme } from '../chart/colors.ts';
import { weightOf } from '../chart/smooth.ts';
import { useAddress } from '../state/address.ts';
import { useCurves } from '../state/curves.ts';
import { type ChartSources, mostBands, type Plan, type ShownRun, splitColor } from './chart-series.ts';
import { PlannedChart } from './planned-chart.tsx';
import { Problem } from './problem.tsx';

interface ChartGroupsProps {
  readonly runs: readonly ShownRun[];
  readonly highlighted: string | null;
}

const groupTitles = { result: 'Evaluation', training: 'Training', machine: 'Speed and memory' } as const;

/** With more runs, curves have fewer points. */
const fewRuns = 12;
const fewPoints = 400;
const manyPoints = 1000;

/** The charts that the runs have numbers for. */
function plansOf(
  runs: readonly ShownRun[],
  evaluations: ReadonlyMap<string, readonly EvaluationPoint[]>,
  find: string,
): Plan[] {
  const steps = new Set(runs.flatMap(({ run }) => Object.keys(run.last)).filter((name) => isCurve(name, 0)));
  const measures = new Set(
    runs.flatMap(({ run }) => [
      ...Object.values(run.evaluations).flatMap((values) => Object.keys(values)),
      ...(evaluations.get(run.id) ?? []).flatMap(({ values }) => Object.keys(values)),
    ]),
  );
  const plans = (['evaluation', 'step'] as const).flatMap((kind) =>
    inUsualOrder(kind, kind === 'step' ? steps : measures).map((name) => ({
      key: `${kind}:${name}`,
      kind,
      name,
      look: lookOf(kind, name),
    })),
  );
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return plans.filter(({ look, name }) => words.every((word) => `${look.title} ${name}`.toLowerCase().includes(word)));
}

/** What a point of a curve is. */
function groupNote(curves: ReadonlyMap<string, RunCurves>): string {
  const hasBands = curves.size <= mostBands;
  const sizes = [...new Set([...curves.values()].map(({ groupSize }) => groupSize))].sort((a, b) => a - b);
  const largest = sizes.at(-1) ?? 1;
  if (largest === 1) return '';
  return sizes.length === 1
    ? `Each point is the mean of ${largest} steps${hasBands ? '; the band reaches from the smallest to the largest' : ''}.`
    : `Each point is the mean of up to ${largest} steps${hasBands ? '; the bands reach from the smallest to the largest' : ''}.`;
}

export function ChartGroups({ runs, highlighted }: ChartGroupsProps) {
  const { axis, smoothing, range, charts: find } = useAddress();
  const names = [...new Set(runs.flatMap(({ run }) => Object.keys(run.last)))]
    .filter((name) => isCurve(name, 0))
    .sort();
  const found = useCurves({
    runs: runs.map(({ run }) => run),
    metrics: names,
    axis,
    range,
    points: runs.length > fewRuns ? fewPoints : manyPoints,
    bands: runs.length <= mostBands,
  });
  const { curves, evaluations, isLoading, problem } = found;
  const plans = plansOf(runs, evaluations, find);
  const splits = [...new Set([...evaluations.values()].flatMap((points) => points.map(({ split }) => split)))];
  const theme = useTheme();
  const sources = { runs, curves, evaluations, splits, theme, axis, range, weight: weightOf(smoothing) };
  const reading = [...curves.values()].filter(({ read }) => read < 1);
  return (
    <>
      <Problem text={problem} />
      {reading.length > 0 && (
        <p class="muted note" role="status">
          {reading.length === 1 ? 'A large file is' : `${reading.length} large files are`} being read; until then,
          curves are drawn through single steps.
        </p>
      )}
      {runs.length > 0 && plans.length === 0 && (
        <p class="empty">
          {isLoading ? 'Loading …' : find === '' ? 'These runs have no numbers yet.' : `No chart is named “${find}”.`}
        </p>
      )}
      {(['result', 'training', 'machine'] as const).map((group) => {
        const own = plans.filter(({ look }) => look.group === group);
        if (own.length === 0) return null;
        return (
          <ChartGroup
            key={group}
            title={groupTitles[group]}
            note={
              group === 'training'
                ? groupNote(curves)
                : group === 'result' && <SplitNote {...{ runs, splits, theme }} />
            }
          >
            {own.map((plan) => (
              <PlannedChart key={plan.key} plan={plan} sources={sources} highlighted={highlighted} />
            ))}
          </ChartGroup>
        );
      })}
    </>
  );
}

/** Which line is which split. */
function SplitNote({ runs, splits, theme }: Pick<ChartSources, 'runs' | 'splits' | 'theme'>) {
  const [only, ...more] = runs;
  if (splits.length < 2 || only === undefined) return null;
  if (more.length === 0)
    return splits.map((split, k) => (
      <span class="split" key={split}>
        <i class="swatch" style={{ background: splitColor(only.color, k, theme) }} />
        {split}
      </span>
    ));
  return splits
    .map((split, k) => `${['Whole lines', 'Dashes', 'Dots', 'Dashes and dots'][k % 4]}: ${split}.`)
    .join(' ');
}

interface ChartGroupProps {
  readonly title: string;
  readonly note: preact.ComponentChildren;
  readonly children: preact.ComponentChildren;
}

function ChartGroup({ title, note, children }: ChartGroupProps) {
  const [isOpen, setOpen] = useState(true);
  return (
    <section>
      <h2>
        <button type="button" class="fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {title}
        </button>
        <span class="muted note">{note}</span>
      </h2>
      {isOpen && <div class="charts">{children}</div>}
    </section>
  );
}
