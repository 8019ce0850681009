/** Measures how fast a device computes matrix products with each tile, and checks that the results are correct. */

import type { Allocation, Executable } from '../../kernel/backend.ts';
import { bytesOf, type DType, type TypedArray } from '../../kernel/dtype.ts';
import { float32ToFloat16 } from '../../kernel/float16.ts';
import type { ContractKernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import { contiguousView } from '../../kernel/view.ts';
import type { DeviceCapabilities, TileTimes, TileTimeTable } from './capabilities.ts';
import type { Tile } from './tile.ts';
import { tilesFor } from './tiles.ts';

/** What the tuner needs from a backend. */
export interface TuningHost {
  readonly capabilities: DeviceCapabilities;
  allocate(bytes: number): Allocation;
  free(allocation: Allocation): void;
  write(allocation: Allocation, data: TypedArray): void;
  read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray>;
  /** Prepares a plan as if the device had these capabilities. */
  prepareFor(plan: Plan, capabilities: DeviceCapabilities): Executable;
  /** Waits for all submitted work. */
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

/** Small multiples of 1/8, which are exact in every dtype, without a pattern that would hide a misplaced element. */
const operandValues = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => ((((i + seed) * 2654435761) % 4093) % 17) / 8 - 1);

/** One product with its own buffers. */
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

  /** `tile`: null computes each element separately. */
  #prepare(tile: Tile | null): Executable {
    const { capabilities } = this.#host;
    return this.#host.prepareFor(
      productPlan(this.#sizes, this.#operands),
      tile === null ? { ...capabilities, workgroupBytes: 0 } : { ...capabilities, onlyTile: { tile, splits: 1 } },
    );
  }

  /** Starts compiling the shader, in parallel with others. Errors are reported when it is used. */
  compile(tile: Tile): void {
    try {
      this.#prepare(tile).dispose();
    } catch {
      // The same error is thrown again when the tile is measured.
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
      return this.#host.read(nth(this.#buffers, 2), 'f32', this.#sizes.m * this.#sizes.n);
    });
  }

  /** The time of one product, in nanoseconds. */
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
        // The difference cancels the cost of waiting for the device.
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

const median = (values: readonly number[]): number =>
  nth(
    values.toSorted((x, y) => x - y),
    values.length >> 1,
  );

export interface TuningSettings {
  /** The number of rows and of columns of a product that fills the device. */
  readonly fullSize: number;
  /** The number of terms of its sums. */
  readonly fullTerms: number;
  /** The number of terms of the sums with which a single workgroup is timed. */
  readonly aloneTerms: number;
}

/** Enough for 132 processors with several tiles each; a slow device takes some milliseconds for each product. */
export const tuningSettings: TuningSettings = { fullSize: 4096, fullTerms: 256, aloneTerms: 4096 };

/** Settings for devices that run on the CPU. */
export const softwareTuningSettings: TuningSettings = { fullSize: 256, fullTerms: 64, aloneTerms: 64 };

/** Sizes that are not multiples of any tile. */
const checked: Sizes = { m: 133, n: 201, k: 84 };

/**
 * The times of every tile within the device's limits; null for tiles whose shader is refused or returns other results than plain code.
 * Those are passed to `report`.
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
          const wrong = expected.some((value, i) => !(Math.abs(value - nth(actual, i)) <= 1e-3));
          if (wrong) {
            table[tile.name] = null;
            report(`webgpu: tile '${tile.name}' returns wrong products on this device and is not used`);
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
