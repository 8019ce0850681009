/** Draws the curves of a chart: bands of smallest and largest values, raw values, lines and dots. */
import type uPlot from 'uplot';
import type { Series } from './series.ts';

type Values = readonly (number | null)[];

interface Canvas {
  readonly context: CanvasRenderingContext2D;
  place(x: number): number;
  height(y: number): number;
}

export type DrawSeries = ReturnType<typeof seriesDrawing>;

/**
 * The function that draws the curves of a plot.
 *
 * Self-contained, because the report has it as text: it uses nothing from outside of it but its parameters.
 */
export function seriesDrawing() {
  function trace({ context, place, height }: Canvas, x: readonly number[], y: Values): void {
    let isDown = false;
    context.beginPath();
    for (let k = 0; k < x.length; k++) {
      const value = y[k];
      if (value == null) {
        isDown = false;
        continue;
      }
      if (isDown) context.lineTo(place(x[k] as number), height(value));
      else context.moveTo(place(x[k] as number), height(value));
      isDown = true;
    }
  }

  function fillBand(canvas: Canvas, x: readonly number[], { min, max }: NonNullable<Series['band']>): void {
    const { context, place, height } = canvas;
    let from = 0;
    while (from < x.length) {
      while (from < x.length && min[from] == null) from++;
      let to = from;
      while (to < x.length && min[to] != null) to++;
      if (to > from) {
        context.beginPath();
        for (let k = from; k < to; k++) context.lineTo(place(x[k] as number), height(max[k] as number));
        for (let k = to - 1; k >= from; k--) context.lineTo(place(x[k] as number), height(min[k] as number));
        context.fill();
      }
      from = to;
    }
  }

  function dots({ context, place, height }: Canvas, x: readonly number[], y: Values, radius: number): void {
    for (let k = 0; k < x.length; k++) {
      const value = y[k];
      if (value == null) continue;
      context.beginPath();
      context.arc(place(x[k] as number), height(value), radius, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** The position of a value on a scale, in pixels of the canvas. uPlot's `valToPos` looks everything up again for each value. */
  function positionOn(plot: uPlot, scale: 'x' | 'y'): (value: number) => number {
    const { min, max, distr } = plot.scales[scale] as uPlot.Scale;
    const [low, high] = [min ?? 0, max ?? 1];
    const [from, to] = [plot.valToPos(low, scale, true), plot.valToPos(high, scale, true)];
    const isLog = distr === 3;
    const [begin, end] = isLog ? [Math.log(low), Math.log(high)] : [low, high];
    const factor = (to - from) / (end - begin || 1);
    // On a logarithmic scale, values that are not positive are at the lower edge.
    return isLog
      ? (value) => from + factor * (Math.log(value <= 0 ? low : value) - begin)
      : (value) => from + factor * (value - begin);
  }

  /** Values that are alone between gaps, which a line would not show. */
  const hasLoneValues = (y: Values): boolean =>
    y.some((value, k) => value !== null && y[k - 1] == null && y[k + 1] == null);

  /** @param highlighted run that is drawn over the others, which become pale; null: none */
  function drawSeries(plot: uPlot, series: readonly Series[], highlighted: string | null): void {
    const { ctx: context, bbox } = plot;
    const canvas: Canvas = { context, place: positionOn(plot, 'x'), height: positionOn(plot, 'y') };
    const unit = devicePixelRatio;
    context.save();
    context.beginPath();
    // Dots at the edges are whole.
    const margin = 4 * unit;
    context.rect(bbox.left - margin, bbox.top - margin, bbox.width + 2 * margin, bbox.height + 2 * margin);
    context.clip();
    context.lineJoin = 'round';
    context.lineCap = 'round';
    const isPale = (id: string): boolean => highlighted !== null && id !== highlighted;
    const isCrowded = series.length > 25;
    const ordered = series.toSorted((a, b) => Number(a.id === highlighted) - Number(b.id === highlighted));
    for (const one of ordered) {
      const { color, x, y, raw, band, dash, hasDots, id } = one;
      context.strokeStyle = color;
      context.fillStyle = color;
      const strength = isPale(id) ? 0.14 : 1;
      if (band !== null) {
        context.globalAlpha = 0.13 * strength;
        fillBand(canvas, x, band);
      }
      if (raw !== null) {
        context.globalAlpha = 0.26 * strength;
        context.lineWidth = unit;
        trace(canvas, x, raw);
        context.stroke();
      }
      context.globalAlpha = strength * (isCrowded && highlighted === null ? 0.75 : 1);
      context.lineWidth = unit * (id === highlighted ? 2.6 : isCrowded ? 1.1 : 1.7);
      context.setLineDash(dash.map((length) => length * unit));
      trace(canvas, x, y);
      context.stroke();
      context.setLineDash([]);
      if (hasDots || hasLoneValues(y)) dots(canvas, x, y, unit * (isCrowded ? 1.8 : 2.8));
    }
    context.restore();
  }

  return drawSeries;
}
