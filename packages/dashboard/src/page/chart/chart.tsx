/** One chart: axes, zoom and pointer by uPlot; the curves are drawn as in the report. */
import {
  type ChartFormat,
  chartFormats,
  chartPlots,
  chartScales,
  formatValue,
  type Interval,
  type Series,
  seriesDrawing,
  timeIncrements,
  wholeIncrements,
} from '@tessera/train/charts';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Axis } from '../../shared/api.ts';
import { styleColor, useTheme } from './colors.ts';
import { formatTick } from './format.ts';
import { Tooltip, type TooltipPlace } from './tooltip.tsx';

const { viewOf, dataOf, plotOptions } = chartPlots(chartFormats(), chartScales(), seriesDrawing());

export interface ChartProps {
  readonly label: string;
  readonly format: ChartFormat;
  readonly axis: Axis;
  readonly series: readonly Series[];
  readonly isLog: boolean;
  /** The shown part of the x-axis; null: all. */
  readonly range: Interval | null;
  readonly highlighted: string | null;
  readonly height: number;
  /** Called with a part of the x-axis that was dragged over; null: a double click shows all. */
  onRange(range: Interval | null): void;
}

type View = ReturnType<typeof viewOf> & { readonly props: ChartProps };

function createPlot(element: HTMLElement, current: () => View, point: (plot: uPlot) => void): uPlot {
  const { format, axis, isLog, height } = current().props;
  const isTime = axis === 'time' || axis === 'date';
  const options = plotOptions({
    ...{ format, isLog, height, width: Math.max(120, element.clientWidth) },
    colors: { text: styleColor('muted'), grid: styleColor('grid') },
    xAxis: {
      isLog: false,
      space: axis === 'date' ? 110 : 60,
      increments: isTime ? () => timeIncrements : wholeIncrements,
      text: formatTick[axis],
    },
    syncKey: 'charts',
    view: current,
    series: () => current().props.series,
    highlighted: () => current().props.highlighted,
    onPoint: point,
    onRange: (range) => current().props.onRange(range),
  });
  return new uPlot(options, dataOf(current()), element);
}

export function Chart(props: ChartProps) {
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [pointer, setPointer] = useState<TooltipPlace | null>(null);
  // The pointer moves much more often than what is shown changes.
  const shown = useMemo(() => viewOf(props), [props.series, props.range, props.isLog, props.format]);
  const view = useRef<View>({ ...shown, props });
  view.current = { ...shown, props };

  // A plot keeps its scales' kinds and its colors.
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const point = (drawn: uPlot): void => {
      const { left = -1, top = -1, event } = drawn.cursor;
      const isHere = left >= 0 && event != null && drawn.over.matches(':hover');
      setPointer(isHere ? { left, top, x: drawn.posToVal(left, 'x'), y: drawn.posToVal(top, 'y') } : null);
    };
    const created = createPlot(element, () => view.current, point);
    plot.current = created;
    const observer = new ResizeObserver(() =>
      created.setSize({ width: Math.max(120, element.clientWidth), height: view.current.props.height }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [theme, props.isLog, props.axis, props.format, props.height]);

  const { series, range, highlighted } = props;
  // The plot reads them through the view.
  useEffect(() => {
    plot.current?.setData(dataOf(view.current));
  }, [series, range, highlighted]);

  return (
    <div class="chart-area">
      <div
        ref={box}
        class="chart-box"
        role="img"
        aria-label={describe(props)}
        style={{ minHeight: `${props.height}px` }}
      />
      {pointer !== null && series.length > 0 && (
        <Tooltip
          place={pointer}
          series={series}
          format={props.format}
          axis={props.axis}
          width={box.current?.clientWidth ?? 0}
        />
      )}
    </div>
  );
}

/** The chart in words: its last values. */
function describe({ label, series, format }: ChartProps): string {
  const shown = series.slice(0, 8).map(
    (one) =>
      `${one.label} ${formatValue(
        one.y.findLast((v) => v !== null),
        format,
      )}`,
  );
  const more = series.length > shown.length ? `, and ${series.length - shown.length} more` : '';
  return `${label}, last values: ${shown.join(', ')}${more}`;
}
