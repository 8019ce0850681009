/**
 * Matrix products in tiles: a workgroup computes a tile of the result. It walks along the sum; at each step both operands' tiles go through
 * registers into workgroup memory (the next ones are on their way while the present ones are multiplied). The sums then pass through
 * workgroup memory to invocations in the order of the result's columns, which run the epilogue on them.
 */

import { unravel } from '../../codegen/affine.ts';
import { decideAllGuards, joinGroupedAxes } from '../../codegen/normalize.ts';
import { type Known, storeStatements, valueStatements } from '../../codegen/program-text.ts';
import { type LoopProgram, loopProgram, simplify } from '../../codegen/simplify.ts';
import { accessesOf, type ContractKernel } from '../../kernel/kernel.ts';
import { sizeOf } from '../../kernel/shape.ts';
import { type ProductOperand, productOperand, readsVectors } from './contract-operand.ts';
import { type Dispatch, type KernelContext, shaderDispatch } from './dispatch.ts';
import { registerType } from './elements.ts';
import { TileFetch } from './gemm-fetch.ts';
import { lineQuads, matrixMultiplier, scalarMultiplier } from './gemm-multiply.ts';
import type { Tile } from './tile.ts';
import { invocationsOf, tileQuads } from './tiles.ts';
import type { WgslDialect } from './wgsl.ts';

/** A product's sizes, as one matrix product for each element of the batch. */
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

/** A kernel as tiles take it. */
export interface TiledProduct {
  readonly kernel: ContractKernel;
  readonly sizes: ProductSizes;
  readonly a: ProductOperand;
  readonly b: ProductOperand;
  /** The epilogue over axes that each belong to the batch (0), the rows (1) or the columns (2). */
  readonly epilogue: LoopProgram;
  readonly groups: readonly number[];
}

const repeat = <T>(value: T, count: number): T[] => new Array<T>(count).fill(value);

/** Null where tiles do not help: nothing to sum, or dtypes whose sums wrap within bytes. */
export function tiledProduct(kernel: ContractKernel, context: KernelContext): TiledProduct | null {
  const { batch, m, n, k, dtype } = kernel;
  const sizes = productSizes(kernel);
  if (dtype === 'u8' || dtype === 'bool' || sizes.k === 0) return null;
  const vectors = ({ buffer }: { buffer: number }): boolean => {
    const { dtype: stored } = context.buffers[buffer];
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

/** How a product is computed: which tile, and into how many parts each sum is split. */
export interface TileChoice {
  readonly tile: Tile;
  readonly splits: number;
}

/** Terms of each part of a sum: whole tiles. */
const partTerms = ({ k }: ProductSizes, { tile, splits }: TileChoice): number =>
  Math.ceil(Math.ceil(k / tile.depth) / splits) * tile.depth;

export function gemmDispatches(product: TiledProduct, choice: TileChoice, context: KernelContext): Dispatch[] {
  const { kernel, sizes } = product;
  const { batch, m, n, k } = sizes;
  // Parts that would be empty are left out.
  const splits = Math.ceil(k / partTerms(sizes, choice));
  if (splits === 1) return [tileDispatch(product, { ...choice, splits }, context, null)];
  const partial = context.scratch(kernel.dtype === 'i32' ? 'i32' : 'f32', splits * batch * m * n);
  return [
    tileDispatch(product, { ...choice, splits }, context, partial),
    joinDispatch(product, splits, context, partial),
  ];
}

/** The function that ends an element: runs the epilogue, or keeps a part of the sum for later. */
function storeFunction({ epilogue, groups, kernel }: TiledProduct, dialect: WgslDialect): string {
  const axes = epilogue.domain.map((_, axis) => `i${axis}`);
  const known: Known = new Map();
  epilogue.operations.forEach(({ op }, value) => {
    if (op === 'accumulator') known.set(value, 'accumulator');
  });
  const indices = ['batch', 'row', 'column'].flatMap((flat, group) => {
    const own = groups.flatMap((each, axis) => (each === group ? [axis] : []));
    return own.length === 0
      ? []
      : unravel(
          dialect,
          flat,
          own.map((axis) => epilogue.domain[axis]),
          own.map((axis) => axes[axis]),
        );
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

/** Rows of tiles that are walked together, so that tiles which run at once share operands in the cache. */
const bandHeight = 8;

/** Names `tile_row`, `tile_column`, `batch` and `part` of a workgroup. */
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
        // Where an operand has less to load than there are invocations, the other's come from the other half.
        ...right.prepare(`(lane + ${invocations >> 1}u) % ${invocations}u`, 'column_start', 'batch'),
        ...multiplier.prepare,
        'var stage: u32 = 0u;',
        // The first round only fetches; later ones fetch the next tiles while they multiply the present ones.
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

/** Adds the parts of each sum, in their order, and runs the epilogue. */
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
