/** How each number of a run is shown, in the report and in the dashboard: its title, its format, and which of its values are better. */
import { humanize } from './format.ts';

export type ChartFormat = 'number' | 'percent' | 'scientific' | 'bytes';

/** How one number is shown. */
export interface Look {
  readonly title: string;
  readonly format: ChartFormat;
  /** Whether single steps vary so much that a moving average is drawn over them. */
  readonly isNoisy: boolean;
  /** Which values are better; null: neither, or unknown. */
  readonly better: 'higher' | 'lower' | null;
  /** Where it belongs in a page with many charts. */
  readonly group: 'result' | 'training' | 'machine';
}

type Entry = Pick<Look, 'title'> & Partial<Look>;

/** The usual numbers of a step, in the order in which they are shown. */
const stepEntries: Readonly<Record<string, Entry>> = {
  loss: { title: 'Training loss', isNoisy: true, better: 'lower' },
  lr: { title: 'Learning rate', format: 'scientific' },
  accuracy: { title: 'Training accuracy', format: 'percent', isNoisy: true, better: 'higher' },
  imagesPerSecond: { title: 'Images per second', isNoisy: true, better: 'higher', group: 'machine' },
  mfu: {
    title: "Share of the machine's peak (MFU)",
    format: 'percent',
    isNoisy: true,
    better: 'higher',
    group: 'machine',
  },
  memory: { title: 'Memory of the process', format: 'bytes', group: 'machine' },
  gradNorm: { title: 'Gradient norm', isNoisy: true },
  logitScale: { title: 'Logit scale' },
};

/** The usual numbers of an evaluation, in the order in which they are shown. */
const evaluationEntries: Readonly<Record<string, Entry>> = {
  loss: { title: 'Loss', better: 'lower' },
  imageToTextR1: { title: 'Image to text, R@1', format: 'percent' },
  textToImageR1: { title: 'Text to image, R@1', format: 'percent' },
  imageToTextR5: { title: 'Image to text, R@5', format: 'percent' },
  textToImageR5: { title: 'Text to image, R@5', format: 'percent' },
  imageToTextR10: { title: 'Image to text, R@10', format: 'percent' },
  textToImageR10: { title: 'Text to image, R@10', format: 'percent' },
  top1: { title: 'Top-1 accuracy', format: 'percent' },
  top5: { title: 'Top-5 accuracy', format: 'percent' },
  balancedAccuracy: { title: 'Balanced accuracy', format: 'percent' },
  f1Macro: { title: 'Macro F1', format: 'percent' },
  f1Weighted: { title: 'Weighted F1', format: 'percent' },
  meanIoU: { title: 'Mean IoU', format: 'percent' },
};

/** Evaluation measures whose smaller values are better, by parts of their names. */
const lowerIsBetter = /loss|error|rank|nats|perplexity|distance|mse|mae|calibration/i;

const looks = {
  step: {
    entries: stepEntries,
    usual: { format: 'number', isNoisy: false, better: null, group: 'training' },
  },
  evaluation: {
    entries: evaluationEntries,
    usual: { format: 'number', isNoisy: false, better: 'higher', group: 'result' },
  },
} as const satisfies Record<string, { entries: Readonly<Record<string, Entry>>; usual: Omit<Look, 'title'> }>;

/** Fields of a line that say where it belongs, and are not numbers to draw. */
const notCurves = new Set(['kind', 'step', 'epoch', 'time', 'seconds']);

/** Whether a field of a step's line is a number to draw. */
export const isCurve = (key: string, value: unknown): boolean => typeof value === 'number' && !notCurves.has(key);

/** How a number is shown. Numbers without an entry have their own names as titles. */
export function lookOf(kind: keyof typeof looks, name: string): Look {
  const { entries, usual } = looks[kind];
  const entry: Entry = Object.hasOwn(entries, name) ? (entries[name] as Entry) : { title: humanize(name) };
  const isLower = kind === 'evaluation' && lowerIsBetter.test(name);
  return { ...usual, ...(isLower ? { better: 'lower' } : {}), ...entry };
}

/** The names with an entry in the order of the entries, then the others alphabetically. */
export function inUsualOrder(kind: keyof typeof looks, names: Iterable<string>): string[] {
  const present = new Set(names);
  const { entries } = looks[kind];
  const known = Object.keys(entries).filter((name) => present.has(name));
  return [...known, ...[...present].filter((name) => !Object.hasOwn(entries, name)).sort()];
}
