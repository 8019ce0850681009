/** Orders of several sources together, each with its share of every epoch. */
import { CounterRandom, purpose } from '../random.ts';
import { type Locality, type Order, type ShuffleOptions, shuffleDefaults } from './order.ts';
import { resampledOrder } from './resampled.ts';
import { shuffledOrder } from './shuffled.ts';
import { turns } from './turns.ts';

/** A source of a mixture: rows that are numbered one after the other. */
export interface MixturePart {
  readonly rows: number;
  /** Its share of the samples, in proportion to the sum of all weights. */
  readonly weight: number;
}

export interface OrderOptions {
  /** The seed of all random choices. Default 0. */
  readonly seed?: number;
  readonly shuffle?: Partial<ShuffleOptions>;
  /** Whether single rows can be read at no more cost than neighboring ones. Default false. */
  readonly direct?: boolean;
  /** Whether rows are drawn with replacement. Default false. */
  readonly resample?: boolean;
  /** The number of samples of an epoch. Default: the number of all rows. */
  readonly epochRows?: number | null;
}

/**
 * An order of all rows of one source: each once in an epoch, or drawn with replacement. With `epochRows` an epoch continues where the one
 * before it ended.
 *
 * @throws RangeError for settings that do not fit together
 */
export function createOrder(rows: number, options: OrderOptions = {}): Order {
  if ((options.epochRows ?? null) !== null) return mixtureOrder([{ rows, weight: 1 }], options);
  return orderOf(rows, options.seed ?? 0, options);
}

/**
 * An order of the rows of several sources, of which the second begins after the last row of the first, and so on. Any stretch of an epoch has
 * the sources in proportion to their weights. A source whose rows were all used begins its own next epoch, while those of others go on: nothing
 * ends with an epoch of the mixture.
 *
 * @throws RangeError for a source without rows, a weight that is not above 0, or settings that do not fit together
 */
export function mixtureOrder(parts: readonly MixturePart[], options: OrderOptions = {}): Order {
  const { seed = 0, epochRows = null, shuffle = {} } = options;
  if (parts.length === 0) throw new RangeError('a mixture needs at least one source');
  parts.forEach(({ rows, weight }, k) => {
    if (!Number.isSafeInteger(rows) || rows < 1)
      throw new RangeError(`source ${k + 1} has ${rows} rows; expected some`);
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY))
      throw new RangeError(`the weight of source ${k + 1} is ${weight}; expected a finite number above 0`);
  });
  const length = epochRows ?? parts.reduce((sum, { rows }) => sum + rows, 0);
  if (!Number.isSafeInteger(length) || length < 1)
    throw new RangeError(`data.epochRows is ${length}; expected a whole number of at least 1`);
  const streams = shuffle.streams ?? shuffleDefaults.streams;
  const sources = parts.map(({ rows }, k) => orderOf(rows, parts.length === 1 ? seed : seedOf(seed, k), options));
  let offset = 0;
  const offsets = parts.map(({ rows }) => {
    offset += rows;
    return offset - rows;
  });
  const turnOf = turns(
    parts.map(({ weight }) => weight),
    streams,
  );
  const local = sources.flatMap(({ locality }) => (locality === null ? [] : [locality]))[0];
  const locality: Locality | null =
    local === undefined
      ? null
      : { ...local, streamOf: (epoch, position) => (((epoch * length) % streams) + position) % streams };
  return {
    length,
    at(epoch, position) {
      const slot = epoch * length + position;
      const stream = slot % streams;
      const { source, count } = turnOf(stream, Math.floor(slot / streams));
      const { rows } = parts[source] as MixturePart;
      // The samples of a source, numbered over its streams.
      const sample = count * streams + stream;
      const row = (sources[source] as Order).at(Math.floor(sample / rows), sample % rows);
      return (offsets[source] as number) + row;
    },
    repeats: true,
    locality,
    facts: Object.assign(
      { epochRows: length },
      ...sources.flatMap(({ facts }, k) => [
        { [`source${k + 1}Rows`]: parts[k]?.rows, [`source${k + 1}Weight`]: parts[k]?.weight },
        ...Object.entries(facts).map(([name, value]) => ({ [`source${k + 1} ${name}`]: value })),
      ]),
    ),
  };
}

function orderOf(rows: number, seed: number, { shuffle = {}, direct = false, resample = false }: OrderOptions): Order {
  const source = { rows, seed, shuffle: { ...shuffleDefaults, ...shuffle }, direct };
  return resample ? resampledOrder(source) : shuffledOrder(source);
}

/** The seed of one of several sources: two sources of the same size have different orders. */
const seedOf = (seed: number, source: number): number =>
  Math.floor(new CounterRandom(seed, purpose.sources, 0, source).uniform53() * 2 ** 53);
