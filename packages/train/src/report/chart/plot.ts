/** A chart as options of uPlot: its axes, zoom and pointer. The curves are drawn by `drawSeries`, each at its own places on the x-axis. */
import type uPlot from 'uplot';
import type { ChartFormat } from '../looks.ts';
import type { DrawSeries } from './draw-series.ts';
import type { ChartFormats } from './format.ts';
import type { ChartScales, Interval } from './scales.ts';
import type { Series } from './series.ts';

/** What a chart shows. */
export interface ChartContent {
  readonly series: readonly Series[];
  readonly format: ChartFormat;
  /** Whether the y-axis is logarithmic. */
  readonly isLog: boolean;
  /** The shown part of the x-axis; null: all. */
  readonly range: Interval | null;
}

/** The shown part of each axis. */
export interface ChartView {
  readonly x: Interval;
  readonly y: Interval;
}

/** How a chart is drawn. The functions are called whenever it is drawn, so that a plot is kept while its curves grow. */
export interface PlotParts {
  readonly width: number;
  readonly height: number;
  readonly format: ChartFormat;
  readonly isLog: boolean;
  readonly colors: { readonly text: string; readonly grid: string };
  readonly xAxis: {
    readonly isLog: boolean;
    /** Pixels between ticks, at least. */
    readonly space: number;
    /** Distances of ticks; null: those of uPlot. */
    readonly increments: ((shown: Interval) => number[]) | null;
    text(tick: number): string;
  };
  /** Charts with the same key show their pointers at the same place. */
  readonly syncKey: string;
  view(): ChartView;
  series(): readonly Series[];
  /** The id of the series that is drawn over the others; null: none. */
  highlighted(): string | null;
  /** Called when the pointer has moved. */
  onPoint(plot: uPlot): void;
  /** Called with a part of the x-axis that was dragged over; null: a double click shows all. */
  onRange(range: Interval | null): void;
  /** Draws over the curves. */
  drawOver?(plot: uPlot): void;
}

/**
 * Functions that make plots of charts.
 *
 * Self-contained, because the report has it as text: it uses nothing from outside of it but its parameters.
 */
export function chartPlots(
  { formatValue, formatTicks }: ChartFormats,
  { extent, usualExtent, placeAxis, valueAxis, byteIncrements }: ChartScales,
  drawSeries: DrawSeries,
) {
  const joined = (a: Interval | null, b: Interval | null): Interval | null =>
    a === null || b === null ? (a ?? b) : [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

  /** The axes around the curves. Single values far outside of a smoothed curve do not count. */
  function viewOf({ series, range, isLog, format }: ChartContent): ChartView {
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
    return { x, y: valueAxis(values, format, isLog) };
  }

  /** Two points at the corners: the plot needs data, the curves are drawn by themselves. */
  const dataOf = ({ x, y }: ChartView): uPlot.AlignedData => [
    [x[0], x[1]],
    [y[0], y[1]],
  ];

  function plotOptions(parts: PlotParts): uPlot.Options {
    const { width, height, format, isLog, colors, xAxis, syncKey } = parts;
    const { increments } = xAxis;
    const look: uPlot.Axis = {
      stroke: colors.text,
      grid: { stroke: colors.grid, width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
      gap: 4,
    };
    return {
      width,
      height,
      padding: [10, 22, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        sync: { key: syncKey },
        drag: { x: true, y: false, setScale: false },
      },
      scales: {
        x: { time: false, distr: xAxis.isLog ? 3 : 1, range: () => [...parts.view().x] as [number, number] },
        y: { distr: isLog ? 3 : 1, range: () => [...parts.view().y] as [number, number] },
      },
      axes: [
        {
          ...look,
          size: 24,
          space: xAxis.space,
          ...(increments === null ? {} : { incrs: () => increments(parts.view().x) }),
          // uPlot leaves out the text of some ticks of a logarithmic axis, by null.
          values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : xAxis.text(tick))),
        },
        {
          ...look,
          size: 58,
          ...(format === 'bytes' ? { incrs: byteIncrements } : {}),
          values: (_, ticks) =>
            isLog
              ? ticks.map((tick) => (tick === null ? '' : formatValue(tick, format, 2)))
              : formatTicks(ticks, format),
        },
      ],
      series: [{}, { points: { show: false } }],
      hooks: {
        draw: [
          (plot) => {
            drawSeries(plot, parts.series(), parts.highlighted());
            parts.drawOver?.(plot);
          },
        ],
        setCursor: [(plot) => parts.onPoint(plot)],
        setSelect: [
          (plot) => {
            const { left, width: selected } = plot.select;
            if (selected < 4) return;
            parts.onRange([plot.posToVal(left, 'x'), plot.posToVal(left + selected, 'x')]);
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        ready: [(plot) => plot.over.addEventListener('dblclick', () => parts.onRange(null))],
      },
    };
  }

  return { viewOf, dataOf, plotOptions };
}
