/**
 * Generates matrix products in tiles: each workgroup computes one tile of the result. It loops over the sum; in each step both operands'
 * tiles are copied through registers into workgroup memory, and the next tiles are loaded while the current ones are multiplied. The sums
 * are then moved through workgroup memory to invocations in the order of the result's columns, which run the epilogue on them.
 */

import { unravel } from '../../codegen/affine.ts';
import { decideAllGuards, joinGroupedAxes } from '../../codegen/normalize.ts';
import { type Known, storeStatements, valueStatements } from '../../codegen/program-text.ts';
import { type LoopProgram, loopProgram, simplify } from '../../codegen/simplify.ts';
import { accessesOf, type ContractKernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import { sizeOf } from '../../kernel/shape.ts';
import { type ProductOperand, productOperand, readsVectors } from './contract-operand.ts';
import { type Dispatch, type KernelContext, shaderDispatch } from './dispatch.ts';
import { registerType } from './elements.ts';
import { TileFetch } from './gemm-fetch.ts';
import { lineQuads, matrixMultiplier, scalarMultiplier } from './gemm-multiply.ts';
import type { Tile } from './tile.ts';
import { invocationsOf, tileQuads } from './tiles.ts';
import type { WgslDialect } from './wgsl.ts';

/** A product's sizes with flattened axes: one matrix product for each element of the batch. */
export interface ProductSizes {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

const productSizes = ({ batch, m, n, k }: ContractKernel): ProductSizes => ({
  batch: sizeOf(batch),
  m: sizeOf(m),
  n: sizeOf(n),
  k: sizeOf(k),
});

/** A contract kernel, prepared for tiles. */
export interface TiledProduct {
  readonly kernel: ContractKernel;
  readonly sizes: ProductSizes;
  readonly a: ProductOperand;
  readonly b: ProductOperand;
  readonly epilogue: LoopProgram;
  /** For each axis of the epilogue: whether it belongs to the batch (0), the rows (1) or the columns (2). */
  readonly groups: readonly number[];
}

const repeat = <T>(value: T, count: number): T[] => new Array<T>(count).fill(value);

/** Prepares a kernel for tiles. Returns null where tiles cannot be used: for empty sums, and for dtypes whose sums wrap within bytes. */
export function tiledProduct(kernel: ContractKernel, context: KernelContext): TiledProduct | null {
  const { batch, m, n, k, dtype } = kernel;
  const sizes = productSizes(kernel);
  if (dtype === 'u8' || dtype === 'bool' || sizes.k === 0) return null;
  const vectors = ({ buffer }: { buffer: number }): boolean => {
    const { dtype: stored } = nth(context.buffers, buffer);
    return stored !== 'u8' && stored !== 'bool';
  };
  const a = productOperand(
    kernel.a,
    dtype,
    [
      ...repeat('batch' as const, batch.length),
      ...repeat('rows' as const, m.length),
      ...repeat('depth' as const, k.length),
    ],
    vectors(kernel.a),
  );
  const b = productOperand(
    kernel.b,
    dtype,
    [
      ...repeat('batch' as const, batch.length),
      ...repeat('depth' as const, k.length),
      ...repeat('rows' as const, n.length),
    ],
    vectors(kernel.b),
  );
  if (a === null || b === null) return null;
  const domain = [...batch, ...m, ...n];
  const { program, groups } = joinGroupedAxes(
    simplify(decideAllGuards(loopProgram(kernel.epilogue, domain))),
    [...repeat(0, batch.length), ...repeat(1, m.length), ...repeat(2, n.length)],
    null,
  );
  return { kernel, sizes, a, b, epilogue: program, groups };
}

/** How a product is computed: its tile, and the number of parts into which each sum is split. */
export interface TileChoice {
  readonly tile: Tile;
  readonly splits: number;
}

/** The number of terms in each part of a sum: a multiple of the tile's depth. */
const partTerms = ({ k }: ProductSizes, { tile, splits }: TileChoice): number =>
  Math.ceil(Math.ceil(k / tile.depth) / splits) * tile.depth;

/** The shaders of a product: one, or two if sums are split into parts. */
export function gemmDispatches(product: TiledProduct, choice: TileChoice, context: KernelContext): Dispatch[] {
  const { kernel, sizes } = product;
  const { batch, m, n, k } = sizes;
  // Parts that would be empty are omitted.
  const splits = Math.ceil(k / partTerms(sizes, choice));
  if (splits === 1) return [tileDispatch(product, { ...choice, splits }, context, null)];
  const partial = context.scratch(kernel.dtype === 'i32' ? 'i32' : 'f32', splits * batch * m * n);
  return [
    tileDispatch(product, { ...choice, splits }, context, partial),
    joinDispatch(product, splits, context, partial),
  ];
}

/** The WGSL function that runs the epilogue on one element's sum. */
function storeFunction({ epilogue, groups, kernel }: TiledProduct, dialect: WgslDialect): string {
  const axes = epilogue.domain.map((_, axis) => `i${axis}`);
  const known: Known = new Map();
  for (const [value, { op }] of epilogue.operations.entries())
    if (op === 'accumulator') known.set(value, 'accumulator');
  const indices = ['batch', 'row', 'column'].flatMap((flat, group) => {
    const inGroup = (_: unknown, axis: number): boolean => groups[axis] === group;
    const own = axes.filter(inGroup);
    return own.length === 0 ? [] : unravel(dialect, flat, epilogue.domain.filter(inGroup), own);
  });
  const values = epilogue.stores.map(({ value }) => value);
  return [
    `fn store_element(accumulator: ${registerType(kernel.dtype)}, batch: i32, row: i32, column: i32) {`,
    ...indices,
    ...valueStatements(epilogue, values, known, axes, dialect),
    ...storeStatements(epilogue.stores, known, axes, dialect),
    '}',
  ].join('\n');
}

/** The number of rows of tiles in a band; tiles run band by band, so that those that run at the same time share operands in the cache. */
const bandHeight = 8;

/** Statements that define the `tile_row`, `tile_column`, `batch` and `part` of a workgroup. */
function placeStatements({ batch, m, n }: ProductSizes, { tile, splits }: TileChoice): string[] {
  const high = Math.ceil(m / tile.rows);
  const wide = Math.ceil(n / tile.columns);
  const outer = high * wide === 1 ? 'group_index' : `group_index / ${high * wide}u`;
  const band =
    high <= bandHeight
      ? [`let tile_row = i32(inside % ${high}u);`, `let tile_column = i32(inside / ${high}u);`]
      : [
          `let band = inside / ${bandHeight * wide}u;`,
          `let band_height = min(${bandHeight}u, ${high}u - band * ${bandHeight}u);`,
          `let in_band = inside - band * ${bandHeight * wide}u;`,
          `let tile_row = i32(band * ${bandHeight}u + in_band % band_height);`,
          'let tile_column = i32(in_band / band_height);',
        ];
  return [
    `let inside = group_index % ${high * wide}u;`,
    ...band,
    batch === 1 ? 'let batch = 0;' : `let batch = i32(${splits === 1 ? outer : `(${outer}) / ${splits}u`});`,
    splits === 1 ? '' : `let part = i32((${outer}) % ${splits}u);`,
  ];
}

/** The shader of the tiles. `partial` is the buffer for parts of sums; if it is null, the shader runs the epilogue itself. */
function tileDispatch(
  product: TiledProduct,
  choice: TileChoice,
  context: KernelContext,
  partial: number | null,
): Dispatch {
  const { kernel, sizes, a, b } = product;
  const { tile, splits } = choice;
  const { batch, m, n, k } = sizes;
  const invocations = invocationsOf(tile);
  const { reads, writes } = accessesOf(kernel);
  const type = registerType(kernel.dtype);
  return shaderDispatch({
    name: kernel.name,
    context,
    reads: partial === null ? reads.map(({ buffer }) => buffer) : [kernel.a.buffer, kernel.b.buffer],
    writes: partial === null ? writes.map(({ buffer }) => buffer) : [partial],
    vectors: [a, b].filter(readsVectors).map(({ buffer }) => buffer),
    workgroupSize: invocations,
    groups: Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * splits * batch,
    body: (dialect) => {
      const columnsArea = tile.depth * lineQuads(tile, 'rows');
      const stageQuads = columnsArea + tile.depth * lineQuads(tile, 'columns');
      const multiplier =
        tile.core === 'scalar'
          ? scalarMultiplier(tile, type, columnsArea, tileQuads(tile))
          : matrixMultiplier(tile, columnsArea);
      const settings = {
        depth: tile.depth,
        invocations,
        terms: k,
        tileType: tile.core === 'scalar' ? type : 'f16',
        registerType: type,
      };
      const left = new TileFetch(
        dialect,
        { name: 'a', operand: a, total: m, tile: tile.rows, area: 0, line: lineQuads(tile, 'rows') },
        settings,
      );
      const right = new TileFetch(
        dialect,
        { name: 'b', operand: b, total: n, tile: tile.columns, area: columnsArea, line: lineQuads(tile, 'columns') },
        settings,
      );
      const terms = partTerms(sizes, choice);
      const end = splits === 1 ? `${k}` : 'end';
      const main = [
        ...placeStatements(sizes, choice),
        `let row_start = tile_row * ${tile.rows};`,
        `let column_start = tile_column * ${tile.columns};`,
        splits === 1 ? 'let start = 0;' : `let start = part * ${terms};`,
        splits === 1 ? '' : `let end = min(start + ${terms}, ${k});`,
        ...left.prepare('lane', 'row_start', 'batch'),
        // If each operand needs only some of the invocations, the two operands use different halves of the workgroup.
        ...right.prepare(`(lane + ${invocations >> 1}u) % ${invocations}u`, 'column_start', 'batch'),
        ...multiplier.prepare,
        'var stage: u32 = 0u;',
        // The first round only loads; later rounds load the next tiles while they multiply the current ones.
        `for (var at: i32 = start - ${tile.depth}; at < ${end}; at += ${tile.depth}) {`,
        'if (at >= start) {',
        ...left.put('stage'),
        ...right.put('stage'),
        '}',
        'workgroupBarrier();',
        `let next = at + ${tile.depth};`,
        `if (next < ${end}) {`,
        ...left.fetch('next'),
        ...right.fetch('next'),
        '}',
        'if (at >= start) {',
        ...multiplier.multiply('stage'),
        '}',
        tile.stages === 2 ? `stage = ${stageQuads}u - stage;` : 'workgroupBarrier();',
        '}',
        ...multiplier.slices.flatMap(({ put, count, value, row, column }) => [
          'workgroupBarrier();',
          ...put,
          'workgroupBarrier();',
          `for (var e: u32 = lane; e < ${count}u; e += ${invocations}u) {`,
          `let row = row_start + i32(${row});`,
          `let column = column_start + i32(${column});`,
          `if (row < ${m} && column < ${n}) {`,
          partial === null
            ? `store_element(${value}, batch, row, column);`
            : dialect.store(partial, `((part * ${batch} + batch) * ${m} + row) * ${n} + column`, value),
          '}',
          '}',
        ]),
      ];
      return {
        directives: multiplier.directives,
        globals: [
          ...multiplier.globals,
          `var<workgroup> tile: array<vec4<${settings.tileType}>, ${tileQuads(tile)}>;`,
          ...(partial === null ? [storeFunction(product, dialect)] : []),
        ].join('\n'),
        main: main.filter((line) => line !== '').join('\n'),
      };
    },
  });
}

/** The shader that adds the parts of each sum, in order, and runs the epilogue. */
function joinDispatch(product: TiledProduct, splits: number, context: KernelContext, partial: number): Dispatch {
  const { kernel, sizes } = product;
  const { batch, m, n } = sizes;
  const elements = batch * m * n;
  const size = Math.min(256, context.device.invocations);
  const { reads, writes } = accessesOf({ ...kernel, a: kernel.a, b: kernel.a });
  const operands = new Set([kernel.a, kernel.b]);
  return shaderDispatch({
    name: `${kernel.name} (join)`,
    context,
    reads: [partial, ...reads.filter((access) => !operands.has(access)).map(({ buffer }) => buffer)],
    writes: writes.map(({ buffer }) => buffer),
    workgroupSize: size,
    groups: Math.ceil(elements / size),
    body: (dialect) => ({
      globals: storeFunction(product, dialect),
      main: [
        `let flat = i32(group_index * ${size}u + lane);`,
        `if (flat >= ${elements}) { return; }`,
        `var sum = ${dialect.load(partial, 'flat')};`,
        `for (var part: i32 = 1; part < ${splits}; part += 1) {`,
        `sum += ${dialect.load(partial, `part * ${elements} + flat`)};`,
        '}',
        `store_element(sum, flat / ${m * n}, flat / ${n} % ${m}, flat % ${n});`,
      ].join('\n'),
    }),
  });
}
