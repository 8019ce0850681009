/** Measures, once for each device, how fast and whether right it computes matrix products with each tile. */

import type { Allocation, Executable } from '../../kernel/backend.ts';
import { bytesOf, type DType, type TypedArray } from '../../kernel/dtype.ts';
import { float32ToFloat16 } from '../../kernel/float16.ts';
import type { ContractKernel } from '../../kernel/kernel.ts';
import type { Plan } from '../../kernel/plan.ts';
import { contiguousView } from '../../kernel/view.ts';
import type { DeviceCapabilities, TileTimes, TileTimeTable } from './capabilities.ts';
import type { Tile } from './tile.ts';
import { tilesFor } from './tiles.ts';

/** What the tuner needs of a backend. */
export interface TuningHost {
  readonly capabilities: DeviceCapabilities;
  allocate(bytes: number): Allocation;
  free(allocation: Allocation): void;
  write(allocation: Allocation, data: TypedArray): void;
  read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray>;
  /** As if the device had these capabilities. */
  prepareFor(plan: Plan, capabilities: DeviceCapabilities): Executable;
  /** Waits for all that was submitted. */
  synchronize(): Promise<void>;
}

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function productPlan({ m, n, k }: Sizes, operands: DType): Plan {
  const kernel: ContractKernel = {
    kind: 'contract',
    name: 'tuner',
    dtype: 'f32',
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: { buffer: 0, view: contiguousView([m, k]) },
    b: { buffer: 1, view: contiguousView([k, n]) },
    epilogue: {
      instructions: [{ op: 'accumulator', dtype: 'f32' }],
      stores: [{ value: 0, access: { buffer: 2, view: contiguousView([m, n]) }, oncePerRow: false }],
    },
  };
  const buffer = (index: number, dtype: DType, length: number): Plan['buffers'][number] => ({
    dtype,
    length,
    place: { kind: 'external', index },
  });
  return {
    buffers: [buffer(0, operands, m * k), buffer(1, operands, k * n), buffer(2, 'f32', m * n)],
    stages: [[kernel]],
    arenaBytes: 0,
    externalCount: 3,
  };
}

/** Small multiples of 1/8, which all dtypes hold, in no pattern that a misplaced element would fit. */
const operandValues = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => ((((i + seed) * 2654435761) % 4093) % 17) / 8 - 1);

/** One product on buffers of its own. */
class Trial {
  readonly #host: TuningHost;
  readonly #sizes: Sizes;
  readonly #operands: DType;
  readonly #buffers: readonly Allocation[];

  constructor(host: TuningHost, sizes: Sizes, operands: DType) {
    this.#host = host;
    this.#sizes = sizes;
    this.#operands = operands;
    const { m, n, k } = sizes;
    this.#buffers = [m * k, k * n, m * n].map((length, index) => {
      const dtype = index === 2 ? 'f32' : operands;
      const allocation = host.allocate(length * bytesOf(dtype));
      if (index < 2) {
        const values = operandValues(length, index);
        host.write(allocation, dtype === 'f16' ? float32ToFloat16(values) : values);
      }
      return allocation;
    });
  }

  /** `tile`: null computes each element by itself. */
  #prepare(tile: Tile | null): Executable {
    const { capabilities } = this.#host;
    return this.#host.prepareFor(
      productPlan(this.#sizes, this.#operands),
      tile === null ? { ...capabilities, workgroupBytes: 0 } : { ...capabilities, onlyTile: { tile, splits: 1 } },
    );
  }

  /** Has the shader compiled, beside others. What is wrong with it shows when it is used. */
  compile(tile: Tile): void {
    try {
      this.#prepare(tile).dispose();
    } catch {
      // The same error comes again when the tile is measured.
    }
  }

  async #with<Result>(tile: Tile | null, use: (executable: Executable) => Promise<Result>): Promise<Result> {
    const executable = this.#prepare(tile);
    try {
      return await use(executable);
    } finally {
      executable.dispose();
    }
  }

  result(tile: Tile | null): Promise<TypedArray> {
    return this.#with(tile, async (executable) => {
      await executable.run(this.#buffers);
      return this.#host.read(this.#buffers[2], 'f32', this.#sizes.m * this.#sizes.n);
    });
  }

  /** Nanoseconds of one product. */
  time(tile: Tile): Promise<number> {
    return this.#with(tile, async (executable) => {
      const wall = async (count: number): Promise<number> => {
        const start = performance.now();
        for (let k = 0; k < count; k++) await executable.run(this.#buffers);
        await this.#host.synchronize();
        return performance.now() - start;
      };
      await wall(1);
      const once = (await wall(fewestRuns)) / fewestRuns;
      const few = Math.max(fewestRuns, Math.min(mostRuns, Math.round(turnMs / once)));
      const times: number[] = [];
      for (let turn = 0; turn < turns; turn++) {
        // The difference leaves out what waiting costs by itself.
        const short = await wall(few);
        const long = await wall(4 * few);
        times.push(long > short ? (long - short) / (3 * few) : long / (4 * few));
      }
      return median(times) * 1e6;
    });
  }

  release(): void {
    for (const buffer of this.#buffers) this.#host.free(buffer);
  }
}

const turns = 3;
const turnMs = 5;
const fewestRuns = 2;
const mostRuns = 50;

const median = (values: readonly number[]): number => [...values].sort((x, y) => x - y)[values.length >> 1];

export interface TuningSettings {
  /** Rows and columns of the product that fills the device, and the terms of its sums. */
  readonly fullSize: number;
  readonly fullTerms: number;
  /** Terms of a sum of which one workgroup alone is timed. */
  readonly aloneTerms: number;
}

/** Enough for 132 processors with several tiles each; on a slow device some milliseconds a product. */
export const tuningSettings: TuningSettings = { fullSize: 4096, fullTerms: 256, aloneTerms: 4096 };

/** Where shaders run on the CPU. */
export const softwareTuningSettings: TuningSettings = { fullSize: 256, fullTerms: 64, aloneTerms: 64 };

/** Sizes that no tile divides. */
const checked: Sizes = { m: 133, n: 201, k: 84 };

/**
 * Times of every tile that the device's limits allow; null for tiles whose shader is refused, or gives other results than plain code.
 * `report` hears of those.
 */
export async function measureTiles(
  host: TuningHost,
  settings: TuningSettings,
  report: (message: string) => void,
): Promise<TileTimeTable> {
  const { fullSize, fullTerms, aloneTerms } = settings;
  const table: Record<string, TileTimes | null> = {};
  for (const operands of ['f32', 'f16'] as const) {
    const tiles = tilesFor(host.capabilities, operands === 'f16').filter(
      ({ core }) => (core === 'matrix') === (operands === 'f16'),
    );
    if (tiles.length === 0) continue;
    const check = new Trial(host, checked, operands);
    const full = new Trial(host, { m: fullSize, n: fullSize, k: fullTerms }, operands);
    try {
      for (const tile of tiles) for (const trial of [check, full]) trial.compile(tile);
      const expected = await check.result(null);
      for (const tile of tiles) {
        try {
          const actual = await check.result(tile);
          const wrong = expected.some((value, i) => !(Math.abs(value - actual[i]) <= 1e-3));
          if (wrong) {
            table[tile.name] = null;
            report(`webgpu: matrix products with tile '${tile.name}' are wrong on this device; it is not used`);
            continue;
          }
          const alone = new Trial(host, { m: tile.rows, n: tile.columns, k: aloneTerms }, operands);
          try {
            const workgroups = Math.ceil(fullSize / tile.rows) * Math.ceil(fullSize / tile.columns);
            table[tile.name] = {
              alone: (await alone.time(tile)) / aloneTerms,
              full: (await full.time(tile)) / (workgroups * fullTerms),
            };
          } finally {
            alone.release();
          }
        } catch (error) {
          table[tile.name] = null;
          const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
          report(`webgpu: tile '${tile.name}' does not run on this device and is not used: ${reason}`);
        }
      }
    } finally {
      check.release();
      full.release();
    }
  }
  return table;
}
