/** Positions of a Vision Transformer's tokens. */
import { Buffer, functional as F, Module, Parameter, sizesOf } from '@tessera/nn';
import { concat, formatShape, type Tensor, zeros } from '@tessera/tensor';
import type { FloatDType } from '../blocks/float-dtype.ts';
import { smallNormal } from '../blocks/initialize.ts';
import { type Grid, gridCoordinates } from '../tower/grid.ts';

export interface PositionInterpolation {
  readonly mode?: 'bicubic' | 'bilinear';
  readonly antialias?: boolean;
}

/**
 * Trained positions for another grid: those of the prefix (such as the class token) are not changed, the others are resized like an
 * image with `width` channels (Dosovitskiy et al. 2021, section 3.2). Grids may be rectangular.
 *
 * @param positions [1, prefix + rows * columns, width]
 * @returns [1, prefix + rows' * columns', width]
 */
export function interpolatePositions(
  positions: Tensor,
  from: Grid,
  to: Grid,
  prefix = 0,
  { mode = 'bicubic', antialias = true }: PositionInterpolation = {},
): Tensor {
  const [one = 0, count = 0, width = 0] = positions.shape;
  if (positions.ndim !== 3 || one !== 1 || count !== prefix + from[0] * from[1])
    throw new RangeError(
      `interpolatePositions: positions ${formatShape(positions.shape)} are not [1, ${prefix} + ${from.join(' * ')}, width]`,
    );
  if (from[0] === to[0] && from[1] === to[1]) return positions;
  const picture = positions
    .slice(1, prefix)
    .reshape([1, ...from, width])
    .permute(0, 3, 1, 2);
  const resized = F.interpolate(picture, to, { mode, antialias }).permute(0, 2, 3, 1);
  const places = resized.reshape([1, to[0] * to[1], width]);
  return prefix === 0 ? places : concat([positions.slice(1, 0, prefix), places], 1);
}

export interface PositionsOptions {
  readonly width: number;
  /** The grid that the positions are trained for. */
  readonly grid: Grid;
  /** Tokens in front of the patches. */
  readonly prefix: number;
  /** Whether learned positions include those of the prefix. Default true. */
  readonly embedPrefix?: boolean;
  /** Width of one attention head. */
  readonly headWidth: number;
  readonly interpolation: PositionInterpolation;
}

/** Tells each token the place of its patch: by adding vectors to the tokens, or by turning queries and keys. */
export abstract class Positions extends Module {
  protected readonly options: PositionsOptions;

  constructor(options: PositionsOptions) {
    super();
    this.options = options;
  }

  /** The vectors that are added to the tokens, [1, prefix + rows * columns, width]; null for none. */
  abstract added(grid: Grid, dtype: FloatDType): Tensor | null;

  /** Angles for the queries and keys of each head, [prefix + rows * columns, head width / 2]; null for none. */
  angles(_grid: Grid, _dtype: FloatDType): Tensor | null {
    return null;
  }

  /** Zeros for the prefix, in front of [places, n]. */
  protected withPrefix(places: Tensor): Tensor {
    const { prefix } = this.options;
    const [, width] = sizesOf(places, 2, 'positions', 'vectors [places, n]');
    return prefix === 0 ? places : concat([zeros([prefix, width], { dtype: places.dtype }), places]);
  }
}

/**
 * One trained vector for every token, the class token's included: `pos_embed` [1, prefix + rows * columns, width]. Without `embedPrefix`
 * for every patch: [1, rows * columns, width].
 */
class LearnedPositions extends Positions {
  readonly pos_embed: Parameter;

  constructor(options: PositionsOptions) {
    super(options);
    const { width, grid, prefix, embedPrefix = true } = options;
    this.pos_embed = new Parameter(smallNormal([1, (embedPrefix ? prefix : 0) + grid[0] * grid[1], width]));
  }

  added(grid: Grid): Tensor {
    const { grid: own, prefix, embedPrefix = true, interpolation } = this.options;
    const places = interpolatePositions(this.pos_embed, own, grid, embedPrefix ? prefix : 0, interpolation);
    return embedPrefix ? places : this.withPrefix(places.squeeze(0)).unsqueeze(0);
  }
}

/** Fixed sines and cosines over the sequence, the class token at place 0 (Vaswani et al. 2017, section 3.5). */
class SinusoidalPositions extends Positions {
  added([rows, columns]: Grid, dtype: FloatDType): Tensor {
    const { width, prefix } = this.options;
    return F.sinusoidalPositions(prefix + rows * columns, width, { dtype }).unsqueeze(0);
  }
}

/** Fixed sines and cosines over the grid, zeros for the class token, as the buffer `pos_embed` of MAE (He et al. 2022). */
export class SinusoidalGridPositions extends Positions {
  readonly pos_embed: Buffer;

  constructor(options: PositionsOptions) {
    super(options);
    this.pos_embed = new Buffer(this.#fixed(options.grid, 'f32'));
  }

  #fixed([rows, columns]: Grid, dtype: FloatDType): Tensor {
    return this.withPrefix(F.sinusoidalPositions2d(rows, columns, this.options.width, { dtype })).unsqueeze(0);
  }

  added(grid: Grid, dtype: FloatDType): Tensor {
    const { grid: own } = this.options;
    return grid[0] === own[0] && grid[1] === own[1] ? this.pos_embed : this.#fixed(grid, dtype);
  }
}

/**
 * A trained vector for each row and one for each column: `row_embed` [rows, n], `col_embed` [columns, n]. They are either summed,
 * PE(i, j) = row(i) + column(j) with n = width, or each is one half of the width. The prefix has no positions.
 */
abstract class FactorizedPositions extends Positions {
  readonly row_embed: Parameter;
  readonly col_embed: Parameter;

  constructor(options: PositionsOptions, width: number) {
    super(options);
    const [rows, columns] = options.grid;
    this.row_embed = new Parameter(smallNormal([rows, width]));
    this.col_embed = new Parameter(smallNormal([columns, width]));
  }

  protected abstract join(rows: Tensor, columns: Tensor): Tensor;

  added([rows, columns]: Grid): Tensor {
    const across = (table: Tensor, count: number): Tensor => {
      const [from, n] = sizesOf(table, 2, 'positions', 'a table [rows, n]');
      const picture = table.transpose(0, 1).reshape([1, n, from, 1]);
      return F.interpolate(picture, [count, 1], { mode: 'bilinear', ...this.options.interpolation })
        .reshape([n, count])
        .transpose(0, 1);
    };
    const [, n] = sizesOf(this.row_embed, 2, 'positions', 'a table [rows, n]');
    const down = across(this.row_embed, rows).unsqueeze(1).expand([rows, columns, n]);
    const along = across(this.col_embed, columns).unsqueeze(0).expand([rows, columns, n]);
    return this.withPrefix(this.join(down, along).flatten(0, 1)).unsqueeze(0);
  }
}

class SummedPositions extends FactorizedPositions {
  constructor(options: PositionsOptions) {
    super(options, options.width);
  }

  protected join(rows: Tensor, columns: Tensor): Tensor {
    return rows.add(columns);
  }
}

class ConcatenatedPositions extends FactorizedPositions {
  constructor(options: PositionsOptions) {
    if (options.width % 2 !== 0)
      throw new RangeError(`positions: halves for row and column need an even width, got ${options.width}`);
    super(options, options.width / 2);
  }

  protected join(rows: Tensor, columns: Tensor): Tensor {
    return concat([rows, columns], 2);
  }
}

/** Rotary positions in every block: queries and keys of each head turn with row and column (Su et al. 2021); the prefix does not turn. */
class RotaryPositions extends Positions {
  added(): null {
    return null;
  }

  override angles(grid: Grid, dtype: FloatDType): Tensor {
    const { row, column } = gridCoordinates(grid);
    return this.withPrefix(F.rotaryAngles2d(row.cast(dtype), column.cast(dtype), this.options.headWidth));
  }
}

/** No positions: the model sees a bag of patches. */
class NoPositions extends Positions {
  added(): null {
    return null;
  }
}

/** The kinds of positions by the names that configurations use. */
export const positionKinds = {
  learned: (options: PositionsOptions): Positions => new LearnedPositions(options),
  sinusoidal: (options: PositionsOptions): Positions => new SinusoidalPositions(options),
  'sinusoidal-2d': (options: PositionsOptions): Positions => new SinusoidalGridPositions(options),
  '2d-sum': (options: PositionsOptions): Positions => new SummedPositions(options),
  '2d-concat': (options: PositionsOptions): Positions => new ConcatenatedPositions(options),
  rotary: (options: PositionsOptions): Positions => new RotaryPositions(options),
  none: (options: PositionsOptions): Positions => new NoPositions(options),
} satisfies Record<string, (options: PositionsOptions) => Positions>;

export type PositionKind = keyof typeof positionKinds;
