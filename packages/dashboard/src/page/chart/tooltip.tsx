/** The values under the pointer, the run that is nearest to it marked. */
import { type ChartFormat, formatValue, nearest, type Series } from '@tessera/train/charts';
import type { Axis } from '../../shared/api.ts';
import { formatPlace } from './format.ts';

export interface TooltipPlace {
  /** In pixels. */
  readonly left: number;
  readonly top: number;
  /** On the axes. */
  readonly x: number;
  readonly y: number;
}

const mostRows = 10;

interface TooltipProps {
  readonly place: TooltipPlace;
  readonly series: readonly Series[];
  readonly format: ChartFormat;
  readonly axis: Axis;
  readonly width: number;
}

interface Row {
  readonly series: Series;
  readonly x: number;
  readonly value: number;
  readonly raw: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

function rowOf(series: Series, x: number): Row | null {
  const at = nearest(series.x, x);
  const value = series.y[at];
  if (value == null) return null;
  return {
    series,
    x: series.x[at] as number,
    value,
    raw: series.raw?.[at] ?? null,
    low: series.band?.min[at] ?? null,
    high: series.band?.max[at] ?? null,
  };
}

export function Tooltip({ place, series, format, axis, width }: TooltipProps) {
  const rows = series.flatMap((one) => rowOf(one, place.x) ?? []);
  if (rows.length === 0) return null;
  const closest = rows.reduce((best, row) =>
    Math.abs(row.value - place.y) < Math.abs(best.value - place.y) ? row : best,
  );
  const sorted = rows.toSorted((a, b) => b.value - a.value);
  const middle = sorted.indexOf(closest);
  const from = Math.max(0, Math.min(sorted.length - mostRows, middle - Math.floor(mostRows / 2)));
  const shown = sorted.slice(from, from + mostRows);
  const isRight = place.left > width / 2;
  return (
    <div class="tooltip" style={isRight ? { right: `${width - place.left - 40}px` } : { left: `${place.left + 72}px` }}>
      <div class="tooltip-place">{formatPlace[axis](closest.x)}</div>
      <table>
        <tbody>
          {shown.map((row) => (
            <tr key={`${row.series.id} ${row.series.label}`} class={row === closest ? 'closest' : ''}>
              <td>
                <i class="swatch" style={{ background: row.series.color }} />
                {row.series.label}
              </td>
              <td>{formatValue(row.value, format)}</td>
              <td class="muted">
                {row.low !== null && row.high !== null
                  ? `${formatValue(row.low, format, 3)} … ${formatValue(row.high, format, 3)}`
                  : row.raw !== null && formatValue(row.raw, format)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > shown.length && <div class="muted">{sorted.length - shown.length} more runs</div>}
    </div>
  );
}
