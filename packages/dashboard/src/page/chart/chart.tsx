/** One chart: axes, zoom and pointer by uPlot; the curves are drawn by `drawSeries`, because each run has places of its own on the x-axis. */
import {
  byteIncrements,
  type ChartFormat,
  formatTicks,
  formatValue,
  type Interval,
  placeAxis,
  valueAxis,
  wholeIncrements,
} from '@tessera/train/charts';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Axis } from '../../shared/api.ts';
import { styleColor, useTheme } from './colors.ts';
import { drawSeries } from './draw-series.ts';
import { formatTick } from './format.ts';
import { extent, timeIncrements, usualExtent } from './scales.ts';
import type { Series } from './series.ts';
import { Tooltip, type TooltipPlace } from './tooltip.tsx';

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

/** What a drawn chart shows. The plot's functions read it, so that the plot is kept while curves grow. */
interface View {
  readonly props: ChartProps;
  readonly x: Interval;
  readonly y: Interval;
}

function viewOf(props: ChartProps): View {
  const { series, range, isLog, format } = props;
  const all = extent(
    series.map(({ x }) => ({ x, y: x })),
    [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    false,
  );
  const x = range ?? placeAxis(all);
  const lines = series.map(({ x: places, y }) => ({ x: places, y }));
  const around = series.flatMap(({ x: places, raw, band }) =>
    [raw, band?.min, band?.max].flatMap((y) => (y == null ? [] : [{ x: places, y }])),
  );
  const values = joined(extent(lines, x, isLog), usualExtent(around, x, isLog));
  return { props, x, y: valueAxis(values, format, isLog) };
}

const joined = (a: Interval | null, b: Interval | null): Interval | null =>
  a === null || b === null ? (a ?? b) : [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

function createPlot(element: HTMLElement, current: () => View, point: (plot: uPlot) => void): uPlot {
  const { props } = current();
  const { format, axis, isLog } = props;
  const look: uPlot.Axis = {
    stroke: styleColor('muted'),
    grid: { stroke: styleColor('grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    gap: 4,
  };
  const isTime = axis === 'time' || axis === 'date';
  const plot: uPlot = new uPlot(
    {
      width: Math.max(120, element.clientWidth),
      height: props.height,
      padding: [10, 22, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        sync: { key: 'charts' },
        drag: { x: true, y: false, setScale: false },
      },
      scales: {
        x: { time: false, range: () => [...current().x] as [number, number] },
        y: { distr: isLog ? 3 : 1, range: () => [...current().y] as [number, number] },
      },
      axes: [
        {
          ...look,
          size: 24,
          space: axis === 'date' ? 110 : 60,
          incrs: () => (isTime ? timeIncrements : wholeIncrements(current().x)),
          values: (_, ticks) => ticks.map((tick) => formatTick[axis](tick)),
        },
        {
          ...look,
          size: 58,
          ...(format === 'bytes' ? { incrs: byteIncrements } : {}),
          values: (_, ticks) => (isLog ? logTicks(ticks, format) : formatTicks(ticks, format)),
        },
      ],
      series: [{}, { points: { show: false } }],
      hooks: {
        draw: [(drawn) => drawSeries(drawn, current().props.series, current().props.highlighted)],
        setCursor: [point],
        setSelect: [
          (drawn) => {
            const { left, width } = drawn.select;
            if (width < 4) return;
            current().props.onRange([drawn.posToVal(left, 'x'), drawn.posToVal(left + width, 'x')]);
            drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        ready: [(drawn) => drawn.over.addEventListener('dblclick', () => current().props.onRange(null))],
      },
    },
    dataOf(current()),
    element,
  );
  return plot;
}

/** Ticks of a logarithmic axis: uPlot leaves out the text of some, by null. */
const logTicks = (ticks: readonly (number | null)[], format: ChartFormat): string[] =>
  ticks.map((tick) => (tick === null ? '' : formatValue(tick, format, 2)));

/** Two points at the corners: the plot needs data, the curves are drawn by themselves. */
const dataOf = ({ x, y }: View): uPlot.AlignedData => [
  [x[0], x[1]],
  [y[0], y[1]],
];

export function Chart(props: ChartProps) {
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [pointer, setPointer] = useState<TooltipPlace | null>(null);
  // The pointer moves much more often than what is shown changes.
  const shown = useMemo(() => viewOf(props), [props.series, props.range, props.isLog, props.format]);
  const view = useRef(shown);
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
