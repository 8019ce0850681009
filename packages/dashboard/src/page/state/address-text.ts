/** The address of what the page shows, as text and as data. */
import { type Axis, axes } from '../../shared/api.ts';

export const runsTabs = ['curves', 'table', 'settings'] as const;
export const runTabs = ['curves', 'results', 'pictures', 'settings'] as const;

/** Everything that the address can say. Null and missing values are the defaults, and are left out of it. */
export interface Address {
  /** The run that is shown alone. */
  readonly run: string | null;
  /** The sweep that is shown. */
  readonly sweep: string | null;
  readonly tab: string | null;
  /** The compared runs; null: the latest. */
  readonly runs: readonly string[] | 'all' | null;
  /** Part of the names of the listed runs. */
  readonly find: string;
  readonly sort: string | null;
  readonly axis: Axis;
  /** From 0 to 0.999. */
  readonly smoothing: number;
  /** Charts with a logarithmic scale. */
  readonly log: readonly string[];
  /** The shown part of the x-axis; null: all. */
  readonly range: readonly [number, number] | null;
  /** Part of the names of the shown charts. */
  readonly charts: string;
}

export const defaultSmoothing = 0.6;

const list = (text: string | null): string[] =>
  text === null || text === '' ? [] : text.split(',').map((part) => decodeURIComponent(part));

function parseRange(text: string | null): Address['range'] {
  const [from, to] = (text ?? '').split(':').map(Number);
  return from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to) && from < to
    ? [from, to]
    : null;
}

function parseSmoothing(text: string | null): number {
  const value = text === null ? Number.NaN : Number(text);
  return value >= 0 && value < 1 ? value : defaultSmoothing;
}

export function parseAddress(search: string): Address {
  const query = new URLSearchParams(search);
  const runs = query.get('runs');
  return {
    run: query.get('run'),
    sweep: query.get('sweep'),
    tab: query.get('tab'),
    runs: runs === null ? null : runs === 'all' ? 'all' : list(runs),
    find: query.get('find') ?? '',
    sort: query.get('sort'),
    axis: axes.find((axis) => axis === query.get('x')) ?? 'step',
    smoothing: parseSmoothing(query.get('smooth')),
    log: list(query.get('log')),
    range: parseRange(query.get('range')),
    charts: query.get('charts') ?? '',
  };
}

/** The part of an address after the path: only what differs from the defaults. */
export function formatAddress({ axis, smoothing, runs, log, range, ...texts }: Address): string {
  const query = new URLSearchParams();
  const set = (name: string, value: string | null): void => {
    if (value !== null && value !== '') query.set(name, value);
  };
  for (const name of ['run', 'sweep', 'tab', 'find', 'sort', 'charts'] as const) set(name, texts[name]);
  if (runs !== null) query.set('runs', runs === 'all' ? 'all' : runs.map(encodeURIComponent).join(','));
  set('x', axis === 'step' ? null : axis);
  set('smooth', smoothing === defaultSmoothing ? null : String(smoothing));
  set('log', log.map(encodeURIComponent).join(','));
  set('range', range === null ? null : range.map((value) => Number(value.toPrecision(10))).join(':'));
  const text = query.toString();
  return text === '' ? '.' : `?${text}`;
}
