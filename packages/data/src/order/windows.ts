/** The windows of streams: the stretches whose rows are mixed with each other. */
import { CounterRandom, type Purpose } from '../random.ts';
import { type Bijection, bijection } from './bijection.ts';
import { memo } from './memo.ts';

/** Where the windows of streams are, and how their rows are mixed. */
export interface WindowOptions {
  readonly seed: number;
  readonly purpose: Purpose;
  readonly streams: number;
  /** The number of rows of a window. */
  readonly window: number;
  /** The length of each stream. */
  readonly length: number;
}

/**
 * A function of (epoch, stream, index) to the index in that stream that is used there: within each window the rows are permuted. The windows
 * of the streams do not end at the same time: the first one of stream v is v / streams as long as the others, so that files are read at an
 * even rate.
 */
export function mixWindows({ seed, purpose, streams, window, length }: WindowOptions) {
  /** An upper bound of the windows of a stream, so that a window has a number of its own. */
  const perStream = Math.ceil(length / window) + 1;
  const windowAt = memo<Bijection>(4 * streams, (epoch, number) => {
    const stream = Math.floor(number / perStream);
    const { start, end } = boundsOf(stream, number % perStream);
    return bijection(end - start, new CounterRandom(seed, purpose, epoch, number));
  });
  const firstOf = (stream: number): number => Math.floor((stream * window) / streams);
  const boundsOf = (stream: number, w: number): { start: number; end: number } => {
    const first = firstOf(stream);
    if (w === 0) return { start: 0, end: Math.min(first, length) };
    const start = first + (w - 1) * window;
    return { start, end: Math.min(start + window, length) };
  };
  return (epoch: number, stream: number, index: number): number => {
    const first = firstOf(stream);
    const w = index < first ? 0 : 1 + Math.floor((index - first) / window);
    const start = w === 0 ? 0 : first + (w - 1) * window;
    return start + windowAt(epoch, stream * perStream + w)(index - start);
  };
}
