/** A chart with its title. Its curves are computed and drawn only while it is in sight, or nearly: there may be many charts of many runs. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Chart } from '../chart/chart.tsx';
import { go, useAddress } from '../state/address.ts';
import { type ChartSources, type Plan, seriesOf } from './chart-series.ts';

const height = 210;

interface PlannedChartProps {
  readonly plan: Plan;
  readonly sources: ChartSources;
  readonly highlighted: string | null;
}

/** Whether an element is in sight, or soon will be. */
function useInSight() {
  const element = useRef<HTMLDivElement>(null);
  const [isInSight, setInSight] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setInSight(entry?.isIntersecting ?? false), {
      rootMargin: '200px',
    });
    observer.observe(element.current as HTMLDivElement);
    return () => observer.disconnect();
  }, []);
  return { element, isInSight };
}

export function PlannedChart({ plan, sources, highlighted }: PlannedChartProps) {
  const { log } = useAddress();
  const { element, isInSight } = useInSight();
  const { runs, curves, evaluations, splits, theme, weight, axis, range } = sources;
  const key = [...splits, ...runs.map(({ run, color }) => `${run.id} ${color}`)].join('\n');
  // The runs and splits are compared by their key.
  const series = useMemo(
    () => (isInSight ? seriesOf(plan, sources) : []),
    [isInSight, plan.key, key, curves, evaluations, theme, weight, axis, range],
  );
  const isLog = log.includes(plan.key);
  const { title, format } = plan.look;
  return (
    <div class="card chart" ref={element}>
      <div class="chart-head">
        <h3 title={plan.name}>{title}</h3>
        <button
          type="button"
          class="quiet small"
          aria-pressed={isLog}
          title="Logarithmic scale"
          onClick={() => go({ log: isLog ? log.filter((other) => other !== plan.key) : [...log, plan.key] })}
        >
          log
        </button>
      </div>
      {isInSight ? (
        <Chart
          label={title}
          format={format}
          axis={axis}
          series={series}
          isLog={isLog}
          range={range}
          highlighted={highlighted}
          height={height}
          onRange={(next) => go({ range: next })}
        />
      ) : (
        <div style={{ height: `${height}px` }} />
      )}
    </div>
  );
}
