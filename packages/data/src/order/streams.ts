/** Orders that read a sequence of rows at several places at a time, and mix the rows at each place. */
import { purpose } from '../random.ts';
import type { Order, ShuffleOptions } from './order.ts';
import { mixWindows } from './windows.ts';

export interface StreamsOptions {
  readonly rows: number;
  readonly seed: number;
  readonly shuffle: ShuffleOptions;
  readonly repeats: boolean;
  /** The row at a place of the sequence of an epoch, where neighboring places mostly have neighboring rows. */
  readonly sequence: (epoch: number, place: number) => number;
}

/**
 * The sequence is cut into streams of equal length, which take turns: position p is of stream p mod V, and the (p div V)-th of that stream.
 * Within a stream, rows are mixed in windows. A process of R that takes every R-th position reads only its own streams if R divides V. The
 * last positions, fewer than V, have the rows that are left over.
 */
export function inStreams({ rows, seed, shuffle, repeats, sequence }: StreamsOptions): Order {
  const { streams } = shuffle;
  const length = Math.floor(rows / streams);
  const window = Math.floor(shuffle.rows / streams);
  const mixed = mixWindows({ seed, purpose: purpose.windows, streams, window, length });
  return {
    length: rows,
    at(epoch, position) {
      if (position >= streams * length) return sequence(epoch, position);
      const stream = position % streams;
      return sequence(epoch, stream * length + mixed(epoch, stream, Math.floor(position / streams)));
    },
    repeats,
    locality: { streams, window, streamOf: (_, position) => position % streams },
    facts: { shuffleStreams: streams, shuffleRows: streams * window, shuffleBlock: shuffle.block },
  };
}
