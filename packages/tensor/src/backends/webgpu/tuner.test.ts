import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Allocation } from '../../kernel/backend.ts';
import { allocateArray, type TypedArray } from '../../kernel/dtype.ts';
import { lookUp, nth } from '../../kernel/nth.ts';
import { runKernel } from '../interpret-kernels.ts';
import type { DeviceCapabilities, TileTimeTable } from './capabilities.ts';
import { chooseTile } from './tile-choice.ts';
import { matrixTiles, scalarTiles, tilesFor } from './tiles.ts';
import { measureTiles, type TuningHost } from './tuner.ts';
import { fileStorage, storedTileTimes } from './tuner-cache.ts';

const device: DeviceCapabilities = {
  storageBuffers: 8,
  invocations: 256,
  workgroupBytes: 49152,
  workgroupsPerDimension: 65535,
  bufferBytes: 2 ** 30,
  bindingBytes: 2 ** 30,
  software: false,
  features: new Set(['shader-f16']),
  subgroupSize: { min: 32, max: 32 },
  matrixUnits: [{ m: 16, n: 16, k: 16 }],
};

describe('the choice of a tile', () => {
  it('uses large tiles for large products, small ones for small products, and splits long sums', () => {
    const large = chooseTile({ batch: 1, m: 4096, n: 4096, k: 4096 }, scalarTiles, {});
    expect(large?.tile.rows).toBeGreaterThanOrEqual(128);
    expect(large?.splits).toBe(1);
    const narrow = chooseTile({ batch: 1, m: 4096, n: 16, k: 512 }, scalarTiles, {});
    expect(narrow?.tile.columns).toBeLessThanOrEqual(32);
    const deep = chooseTile({ batch: 1, m: 64, n: 64, k: 65536 }, scalarTiles, {});
    expect(deep?.splits).toBeGreaterThan(8);
    const heads = chooseTile({ batch: 768, m: 50, n: 50, k: 64 }, scalarTiles, {});
    expect(heads?.tile.rows).toBeLessThanOrEqual(64);
    expect(heads?.splits).toBe(1);
  });

  it('follows measurements, excludes incorrect tiles, and never uses unmeasured subgroup matrices', () => {
    const sizes = { batch: 1, m: 1024, n: 1024, k: 1024 };
    const tiles = [...matrixTiles({ m: 16, n: 16, k: 16 }, 32), ...scalarTiles];
    expect(chooseTile(sizes, tiles, {})?.tile.core).toBe('scalar');
    const matrix = nth(tiles, 0);
    expect(chooseTile(sizes, tiles, { [matrix.name]: { alone: 1, full: 1e-3 } })?.tile).toBe(matrix);
    expect(chooseTile(sizes, tiles, { [matrix.name]: null })?.tile.core).toBe('scalar');
    const none = Object.fromEntries(tiles.map(({ name }) => [name, null]));
    expect(chooseTile(sizes, tiles, none)).toBeNull();
  });
});

/** A host that computes products in JavaScript; `spoil` lists tiles whose results are wrong or that cannot be prepared. */
function scriptedHost(spoil: Readonly<Record<string, 'wrong' | 'refused'>>): TuningHost {
  const memory = new Map<Allocation, TypedArray>();
  return {
    capabilities: { ...device, workgroupBytes: 18500 },
    allocate: (bytes) => {
      const allocation: Allocation = { bytes };
      memory.set(allocation, allocateArray('u8', bytes));
      return allocation;
    },
    free: (allocation) => {
      expect(memory.delete(allocation)).toBe(true);
    },
    write: (allocation, data) => {
      memory.set(allocation, data);
    },
    read: async (allocation) => lookUp(memory, allocation),
    prepareFor: (plan, { onlyTile }) => {
      const fate = onlyTile === undefined ? undefined : spoil[onlyTile.tile.name];
      if (fate === 'refused') throw new Error('no such instruction\nwith details');
      return {
        slowKernels: [],
        run: async (allocations) => {
          const arrays = plan.buffers.map(({ dtype, length }, k) =>
            k === 2 ? allocateArray(dtype, length) : lookUp(memory, nth(allocations, k)),
          );
          const dtypes = plan.buffers.map(({ dtype }) => dtype);
          for (const kernel of plan.stages.flat()) runKernel(kernel, arrays, dtypes);
          const result = nth(arrays, 2);
          if (fate === 'wrong') result[7] = nth(result, 7) + 1;
          memory.set(nth(allocations, 2), result);
        },
        dispose: () => {},
      };
    },
    synchronize: async () => {},
  };
}

describe('measuring tiles', () => {
  it('measures tiles that are correct, and excludes those that are wrong or refused', async () => {
    const names = tilesFor({ ...device, workgroupBytes: 18500 }, true).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(3);
    const [wrong, refused] = [nth(names, 0), nth(names, 1)];
    const reports: string[] = [];
    const table = await measureTiles(
      scriptedHost({ [wrong]: 'wrong', [refused]: 'refused' }),
      { fullSize: 16, fullTerms: 4, aloneTerms: 4 },
      (message) => reports.push(message),
    );
    expect(Object.keys(table).sort()).toEqual([...names].sort());
    expect(table[wrong]).toBeNull();
    expect(table[refused]).toBeNull();
    for (const name of names.slice(2)) expect(table[name]?.full).toBeGreaterThan(0);
    expect(reports).toEqual([
      `webgpu: tile '${wrong}' returns wrong products on this device and is not used`,
      `webgpu: tile '${refused}' does not run on this device and is not used: no such instruction`,
    ]);
  }, 60_000);
});

describe('stored measurements', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-tuner-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const table: TileTimeTable = { '64x64x16, 8x8': { alone: 3, full: 0.5 }, '16x32x32, 4x4': null };

  /** The measurements, the number of times that they were made, and the reports. */
  async function request(directory: string, name = 'a device') {
    const reports: string[] = [];
    let measured = 0;
    const result = await storedTileTimes(
      name,
      fileStorage(directory),
      async () => {
        measured++;
        return table;
      },
      (message) => reports.push(message),
    );
    return { result, measured, reports };
  }

  it('are made once for each device', async () => {
    const directory = join(folder, 'once');
    expect(await request(directory)).toEqual({ result: table, measured: 1, reports: [] });
    expect(await request(directory)).toEqual({ result: table, measured: 0, reports: [] });
    expect((await request(directory, 'another')).measured).toBe(1);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it('are made again, with a report, if the file is damaged', async () => {
    const directory = join(folder, 'damaged');
    await request(directory);
    const file = nth(readdirSync(directory), 0);
    for (const text of ['{"dev', '[]', '{"device": "x", "tiles": {}}']) {
      writeFileSync(join(directory, file), text);
      const { result, measured, reports } = await request(directory);
      expect({ result, measured }).toEqual({ result: table, measured: 1 });
      expect(reports[0]).toContain('is measured again');
      expect((await request(directory)).measured).toBe(0);
    }
  });

  it('are used without being stored if the folder cannot be written', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'file'), '');
    const { result, reports } = await request(join(folder, 'file'));
    expect(result).toEqual(table);
    expect(reports[0]).toContain('could not be stored');
  });
});
