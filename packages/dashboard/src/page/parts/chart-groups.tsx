/** All charts of some runs, in groups: results, training, machine. */
import { inUsualOrder, isCurve, type Look, lookOf } from '@tessera/train/charts';
import { useMemo, useState } from 'preact/hooks';
import type { EvaluationPoint, RunCurves, RunSummary } from '../../shared/api.ts';
import { Chart } from '../chart/chart.tsx';
import type { Series } from '../chart/series.ts';
import { smoothed, weightOf } from '../chart/smooth.ts';
import { go, useAddress } from '../state/address.ts';
import type { Address } from '../state/address-text.ts';
import { useCurves } from '../state/curves.ts';
import { Problem } from './problem.tsx';

export interface ShownRun {
  readonly run: RunSummary;
  readonly color: string;
}

interface ChartGroupsProps {
  readonly runs: readonly ShownRun[];
  readonly highlighted: string | null;
}

/** One chart before it has its curves. */
interface Plan {
  readonly key: string;
  readonly kind: 'step' | 'evaluation';
  readonly name: string;
  readonly look: Look;
}

const groupTitles = { result: 'Evaluation', training: 'Training', machine: 'Speed and memory' } as const;

/** With more runs, the ranges of groups of steps would hide each other. */
const mostBands = 3;
const mostRaw = 6;
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

/** The dashes of the splits that are drawn in one chart: the first is a whole line. */
const dashes: readonly (readonly number[])[] = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

function evaluationSeries(
  { name }: Plan,
  { run, color }: ShownRun,
  points: readonly EvaluationPoint[],
  splits: readonly string[],
  axis: Address['axis'],
): Series[] {
  return splits.flatMap((split, k) => {
    const own = points.filter((point) => point.split === split && name in point.values && point.at[axis] !== null);
    if (own.length === 0) return [];
    return {
      id: run.id,
      label: splits.length === 1 ? run.name : `${run.name}, ${split}`,
      color,
      x: own.map(({ at }) => at[axis] as number),
      y: own.map(({ values }) => values[name] ?? null),
      raw: null,
      band: null,
      dash: dashes[k % dashes.length] ?? [],
      hasDots: true,
    };
  });
}

function stepSeries(
  { name, look }: Plan,
  { run, color }: ShownRun,
  curves: RunCurves | undefined,
  weight: number,
  width: number,
  runs: number,
): Series[] {
  const metric = curves?.metrics[name];
  if (curves === undefined || metric === undefined) return [];
  const isSmoothed = look.isNoisy && weight > 0;
  const band = metric.min.length > 0 && runs <= mostBands ? metric : null;
  return [
    {
      id: run.id,
      label: run.name,
      color,
      x: curves.x,
      y: isSmoothed ? smoothed(curves.x, metric.mean, weight, width) : metric.mean,
      raw: isSmoothed && band === null && runs <= mostRaw ? metric.mean : null,
      band,
      dash: [],
      hasDots: false,
    },
  ];
}

/** The width of the shown part of the x-axis. */
function widthOf(range: Address['range'], curves: ReadonlyMap<string, RunCurves>): number {
  if (range !== null) return range[1] - range[0];
  const ends = [...curves.values()].flatMap(({ x }) => (x.length === 0 ? [] : [[x[0] as number, x.at(-1) as number]]));
  return (
    Math.max(...ends.map(([, end = 0]) => end), 0) - Math.min(...ends.map(([begin = 0]) => begin), Number.MAX_VALUE)
  );
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
  const { axis, smoothing, range, log, charts: find } = useAddress();
  const names = [...new Set(runs.flatMap(({ run }) => Object.keys(run.last)))]
    .filter((name) => isCurve(name, 0))
    .sort();
  const found = useCurves({
    runs: runs.map(({ run }) => run),
    metrics: names,
    axis,
    range,
    points: runs.length > fewRuns ? fewPoints : manyPoints,
  });
  const { curves, evaluations, isLoading, problem } = found;
  const plans = plansOf(runs, evaluations, find);
  const splits = [...new Set([...evaluations.values()].flatMap((points) => points.map(({ split }) => split)))];
  const weight = weightOf(smoothing);
  const key = runs.map(({ run, color }) => `${run.id} ${color}`).join('\n');
  // The runs are compared by their key.
  const series = useMemo(() => {
    const width = widthOf(range, curves);
    return new Map(
      plans.map((plan) => [
        plan.key,
        runs.flatMap((shown) =>
          plan.kind === 'step'
            ? stepSeries(plan, shown, curves.get(shown.run.id), weight, width, runs.length)
            : evaluationSeries(plan, shown, evaluations.get(shown.run.id) ?? [], splits, axis),
        ),
      ]),
    );
  }, [curves, evaluations, weight, find, key, axis, range]);
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
            note={group === 'training' ? groupNote(curves) : splitNote(group, splits)}
          >
            {own.map((plan) => (
              <div class="card chart" key={plan.key}>
                <div class="chart-head">
                  <h3 title={plan.name}>{plan.look.title}</h3>
                  <LogButton name={plan.key} log={log} />
                </div>
                <Chart
                  label={plan.look.title}
                  format={plan.look.format}
                  axis={axis}
                  series={series.get(plan.key) ?? []}
                  isLog={log.includes(plan.key)}
                  range={range}
                  highlighted={highlighted}
                  height={210}
                  onRange={(next) => go({ range: next })}
                />
              </div>
            ))}
          </ChartGroup>
        );
      })}
    </>
  );
}

/** Which line is which split. */
const splitNote = (group: string, splits: readonly string[]): string =>
  group !== 'result' || splits.length < 2
    ? ''
    : `Whole lines: ${splits[0]}. ${splits
        .slice(1)
        .map((split, k) => `${['Dashes', 'Dots', 'Dashes and dots'][k % 3]}: ${split}.`)
        .join(' ')}`;

interface ChartGroupProps {
  readonly title: string;
  readonly note: string;
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
        {note !== '' && <span class="muted note">{note}</span>}
      </h2>
      {isOpen && <div class="charts">{children}</div>}
    </section>
  );
}

function LogButton({ name, log }: { readonly name: string; readonly log: readonly string[] }) {
  const isOn = log.includes(name);
  return (
    <button
      type="button"
      class="quiet small"
      aria-pressed={isOn}
      title="Logarithmic scale"
      onClick={() => go({ log: isOn ? log.filter((other) => other !== name) : [...log, name] })}
    >
      log
    </button>
  );
}
