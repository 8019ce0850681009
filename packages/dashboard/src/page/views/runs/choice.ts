/** Which runs are listed, in which order, and which are compared. */
import type { RunSummary } from '../../../shared/api.ts';
import type { Address } from '../../state/address-text.ts';

/** So many of the latest runs are compared before the reader chooses. */
const latestRuns = 8;

/** The compared runs, the oldest first. */
export function chosenRuns(runs: readonly RunSummary[], asked: Address['runs']): readonly RunSummary[] {
  if (asked === 'all') return runs;
  if (asked !== null) {
    const ids = new Set(asked);
    return runs.filter(({ id }) => ids.has(id));
  }
  return runs.filter(({ step }) => step > 0).slice(-latestRuns);
}

export const orders = ['newest', 'oldest', 'name', 'loss'] as const;
export type Order = (typeof orders)[number];

const byName = new Intl.Collator('en', { numeric: true }).compare;
const lossOf = ({ last }: RunSummary): number => last.loss ?? Number.POSITIVE_INFINITY;

const comparisons: Readonly<Record<Order, (a: RunSummary, b: RunSummary) => number>> = {
  newest: (a, b) => b.started - a.started || byName(b.id, a.id),
  oldest: (a, b) => a.started - b.started || byName(a.id, b.id),
  name: (a, b) => byName(a.name, b.name) || byName(a.id, b.id),
  loss: (a, b) => lossOf(a) - lossOf(b) || byName(a.id, b.id),
};

/** A pattern from what the reader types: a regular expression, or else the text itself. */
function patternOf(find: string): RegExp {
  try {
    return new RegExp(find, 'i');
  } catch {
    return new RegExp(find.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i');
  }
}

/** The runs that are listed. */
export function listedRuns(runs: readonly RunSummary[], find: string, order: Order): readonly RunSummary[] {
  const pattern = patternOf(find.trim());
  return runs
    .filter(({ id, title, task, dataset }) => pattern.test(`${id} ${title ?? ''} ${task ?? ''} ${dataset ?? ''}`))
    .toSorted(comparisons[order]);
}
