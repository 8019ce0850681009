/** Rows of a trained table, one by one or a bag of them at a time. */
import { customGradient } from '@tessera/autograd';
import { checkIndices, formatShape, iota, noGrad, ones, Tensor, where, zeros } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';
import { indexSelect } from '@tessera/tensor/ops';
import { requireIntegers, requirePositive, requireSameShape, requireTensors, requireWhole } from '../arguments.ts';
import { type Initializer, normal } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { settings } from '../module/print-module.ts';
import { pNorm } from './distances.ts';

export interface EmbeddingOptions {
  /** The row of padding: its gradient is 0, and in a bag it does not count. A negative one counts from the end. */
  readonly paddingIdx?: number | null;
  /** Rows that are read and whose norm is greater are scaled down to this norm: in place, so the table changes. */
  readonly maxNorm?: number | null;
  /** The order of the norm of `maxNorm`. Default: 2. */
  readonly normType?: number;
  /** Divides the gradient of each row by the number of times that it was read. Default: false. */
  readonly scaleGradByFreq?: boolean;
}

/**
 * Rows of a table.
 *
 * @param index i32 or u8, any shape; every value in [0, rows): others are an error when the rows are computed, except in compiled
 * functions without `check`
 * @param weight [rows, width]
 * @returns [...index's shape, width]
 * @throws TypeError if the index has no integers; RangeError if the weight is not [rows, width]
 */
export function embedding(index: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  const [rows] = tableSizes('embedding', weight);
  requireIntegers('embedding', 'the index', index);
  const { maxNorm = null, normType = 2, scaleGradByFreq = false } = options;
  const padding = paddingRow('embedding', options.paddingIdx ?? null, rows);
  const places = index.cast('i32');
  if (maxNorm !== null) shorten(weight, places, maxNorm, normType);
  const read = Tensor.fromNode(indexSelect(weight.node, 0, places.node, 'embedding'));
  if (padding === null && !scaleGradByFreq) return read;
  const changed = customGradient(
    (x: Tensor) => x,
    (gradient) => {
      const counts = scaleGradByFreq ? timesRead(places, rows, gradient).indexSelect(0, places).unsqueeze(-1) : null;
      const scaled = counts === null ? gradient : gradient.div(counts);
      return [padding === null ? scaled : where(places.eq(padding).unsqueeze(-1), 0, scaled)];
    },
    'embedding',
  );
  return changed(read);
}

function tableSizes(op: string, weight: Tensor): readonly [rows: number, width: number] {
  requireTensors(op, { 'the weight': weight });
  const [rows, width] = weight.shape;
  if (weight.ndim !== 2 || rows === undefined || width === undefined)
    throw new RangeError(`${op}: the weight must be [rows, width], got ${formatShape(weight.shape)}`);
  return [rows, width];
}

/** The row of padding, counted from the front. */
function paddingRow(op: string, paddingIdx: number | null, rows: number): number | null {
  if (paddingIdx === null) return null;
  const row = paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  if (!Number.isInteger(row) || row < 0 || row >= rows)
    throw new RangeError(`${op}: paddingIdx ${paddingIdx} is not a row of a table of ${rows}`);
  return row;
}

/** [rows]: how often each row is in the index, in the dtype of `like`. */
function timesRead(places: Tensor, rows: number, like: Tensor): Tensor {
  const each = ones(places.shape, { dtype: like.dtype });
  return Tensor.fromNode(graph.scatterAdd(each.node, places.node, 0, rows));
}

/** Added to a norm that divides, as in PyTorch. */
const normEps = 1e-7;

/** Scales the rows that are read down to a norm of at most `maxNorm`. */
function shorten(weight: Tensor, places: Tensor, maxNorm: number, normType: number): void {
  requirePositive('embedding', { maxNorm });
  noGrad(() => {
    const [rows] = tableSizes('embedding', weight);
    const norms = pNorm(weight, normType, 1);
    const long = norms.gt(maxNorm).logicalAnd(timesRead(places, rows, weight).gt(0).unsqueeze(1));
    weight.assign(where(long, weight.mul(norms.add(normEps).reciprocal().mul(maxNorm)), weight));
  });
}

/** N(0, 1), and 0 in the row of padding. */
const startedTable =
  (padding: number | null): Initializer =>
  (shape) =>
    padding === null ? normal()(shape) : where(iota(shape, 0).eq(padding), 0, normal()(shape));

/**
 * A trained table: integers [...] to [..., embeddingDim]. The weight [numEmbeddings, embeddingDim] starts as N(0, 1), with zeros in the
 * row `paddingIdx`.
 */
export class Embedding extends Module {
  readonly options: EmbeddingOptions;
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super();
    requireWhole('Embedding', { numEmbeddings, embeddingDim });
    const padding = paddingRow('Embedding', options.paddingIdx ?? null, numEmbeddings);
    this.options = options;
    this.weight = new Parameter(startedTable(padding)([numEmbeddings, embeddingDim]));
  }

  forward(index: Tensor): Tensor {
    return embedding(index, this.weight, this.options);
  }

  override extraRepr(): string {
    return [this.weight.shape.join(', '), settings(this.options)].filter(Boolean).join(', ');
  }
}

const bagModes = ['sum', 'mean', 'max'] as const;

/** How the rows of a bag become one. */
export type BagMode = (typeof bagModes)[number];

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Default: `mean`. */
  readonly mode?: BagMode;
  /** Whether the last offset is the length of the index: then there is one bag fewer than offsets. Default: false. */
  readonly includeLastOffset?: boolean;
}

export interface EmbeddingBagCall {
  /** i32 or u8 [B], for an index [n]: where each bag begins, the first at 0. */
  readonly offsets?: Tensor | null;
  /** Like the index: factors on the rows, for the mode `sum`. */
  readonly perSampleWeights?: Tensor | null;
}

/**
 * The sum, mean or largest values of bags of rows; 0 for an empty bag. Rows of padding do not count.
 *
 * @param index i32 or u8: [B, L], B bags of equal size, or [n] with `offsets`
 * @param weight [rows, width]
 * @returns [B, width]
 * @throws TypeError for dtypes, RangeError for shapes that do not fit
 */
export function embeddingBag(
  index: Tensor,
  weight: Tensor,
  {
    mode = 'mean',
    includeLastOffset = false,
    offsets = null,
    perSampleWeights = null,
    ...options
  }: EmbeddingBagOptions & EmbeddingBagCall = {},
): Tensor {
  const [rows, width] = tableSizes('embeddingBag', weight);
  requireIntegers('embeddingBag', 'the index', index);
  if (!bagModes.includes(mode))
    throw new RangeError(`embeddingBag: mode must be ${bagModes.join(', ')}, got '${mode}'`);
  if (perSampleWeights !== null) {
    if (mode !== 'sum') throw new RangeError(`embeddingBag: perSampleWeights need the mode 'sum', got '${mode}'`);
    requireSameShape('embeddingBag', ['index', 'perSampleWeights'], index, perSampleWeights);
  }
  const padding = paddingRow('embeddingBag', options.paddingIdx ?? null, rows);
  const bags = bagsOf(index, offsets, includeLastOffset);
  if (bags.count === 0 || index.size === 0) return zeros([bags.count, width], { dtype: weight.dtype });
  const read = embedding(index, weight, options);
  const counted = padding === null ? null : index.ne(padding);
  if (mode === 'max') return bags.largest(read, counted);
  const factors = perSampleWeights ?? counted?.cast(weight.dtype) ?? null;
  const kept = counted === null || perSampleWeights === null ? factors : where(counted, perSampleWeights, 0);
  const sum = bags.sum(kept === null ? read : read.mul(kept.unsqueeze(-1)));
  if (mode === 'sum') return sum;
  const sizes = bags.sum(factors ?? ones(index.shape, { dtype: weight.dtype }));
  return sum.div(sizes.maximum(1).unsqueeze(1));
}

/** Bags of places of an index. */
interface Bags {
  readonly count: number;
  /** [...index's shape, ...] to [B, ...]. */
  sum(values: Tensor): Tensor;
  /** The largest values of the places that count; 0 if there are none. */
  largest(values: Tensor, counted: Tensor | null): Tensor;
}

function bagsOf(index: Tensor, offsets: Tensor | null, includeLastOffset: boolean): Bags {
  if (offsets === null) {
    const [count = 0] = index.shape;
    if (index.ndim !== 2)
      throw new RangeError(`embeddingBag: an index without offsets must be [B, L], got ${formatShape(index.shape)}`);
    return {
      count,
      sum: (values) => values.sum(1),
      largest: (values, counted) => largestOf(values, counted),
    };
  }
  requireIntegers('embeddingBag', 'the offsets', offsets);
  if (index.ndim !== 1 || offsets.ndim !== 1)
    throw new RangeError(
      `embeddingBag: with offsets the index must be [n] and the offsets [B], got ${formatShape(index.shape)} and ${formatShape(offsets.shape)}`,
    );
  const [places = 0] = index.shape;
  const count = (offsets.shape[0] ?? 0) - Number(includeLastOffset);
  if (count < 0) throw new RangeError('embeddingBag: includeLastOffset needs at least one offset');
  const begins = offsets.slice(0, 0, count).cast('i32');
  // The bag of a place is the last one that begins before or at it.
  const begun = checkIndices(iota([places, count], 0).ge(begins.unsqueeze(0)), offsets, {
    op: 'embeddingBag: offsets',
    high: places + 1,
  });
  const bag = begun.sum(1).sub(1);
  return {
    count,
    sum: (values) => Tensor.fromNode(graph.scatterAdd(values.node, bag.node, 0, count)),
    largest(values, counted) {
      const inside = iota([count, places], 0).eq(bag.unsqueeze(0));
      return largestOf(values.unsqueeze(0), counted === null ? inside : inside.logicalAnd(counted.unsqueeze(0)));
    },
  };
}

/** The largest of [B, L, width] along axis 1 where `counted` [B, L]; 0 where nothing does. */
function largestOf(values: Tensor, counted: Tensor | null): Tensor {
  if (counted === null) return values.max(1);
  const found = where(counted.unsqueeze(2), values, -Infinity).max(1);
  return where(counted.any(1, true), found, 0);
}

/**
 * `embeddingBag` with a trained table: an index [B, L], or [n] with offsets, to [B, embeddingDim]. The weight starts as that of
 * `Embedding`.
 */
export class EmbeddingBag extends Module {
  readonly options: EmbeddingBagOptions;
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    super();
    requireWhole('EmbeddingBag', { numEmbeddings, embeddingDim });
    const padding = paddingRow('EmbeddingBag', options.paddingIdx ?? null, numEmbeddings);
    this.options = options;
    this.weight = new Parameter(startedTable(padding)([numEmbeddings, embeddingDim]));
  }

  forward(index: Tensor, call: EmbeddingBagCall = {}): Tensor {
    return embeddingBag(index, this.weight, { ...this.options, ...call });
  }

  override extraRepr(): string {
    const { mode = 'mean', ...rest } = this.options;
    return [this.weight.shape.join(', '), settings({ ...rest, mode })].filter(Boolean).join(', ');
  }
}
