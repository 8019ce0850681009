/** Generates the code that multiplies the tiles in workgroup memory and moves the sums back to workgroup memory. */
import type { MatrixTile, ScalarTile, Tile } from './tile.ts';
import { linePadding, subgroupsOf } from './tiles.ts';

/** A part of a workgroup's sums that fits into workgroup memory. */
interface Slice {
  /** Statements with which each invocation moves its own sums there. A barrier comes before and after. */
  readonly put: readonly string[];
  /** The number of sums. */
  readonly count: number;
  /** An expression for sum `e` (u32). */
  readonly value: string;
  /** An expression for the row of sum `e` in the tile. */
  readonly row: string;
  /** An expression for the column of sum `e` in the tile. */
  readonly column: string;
}

/** The code in which the two ways to multiply differ. `stage` is where a stage starts in the tiles' memory, in quads. */
export interface Multiplier {
  /** Directives before a module's declarations, such as `enable`. */
  readonly directives: readonly string[];
  readonly globals: readonly string[];
  /** Statements before the loop over the sum: zero sums, and the invocation's place. */
  readonly prepare: readonly string[];
  multiply(stage: string): readonly string[];
  readonly slices: readonly Slice[];
}

/** The length of a line of the tile in workgroup memory, in quads. A line contains one place of the sum. */
export const lineQuads = (tile: Tile, side: 'rows' | 'columns'): number => tile[side] / 4 + linePadding(tile);

const range = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

/** How many steps along the sum are unrolled. */
const unrolled = 4;

/** Multiplies with multiply-adds of vectors; each invocation keeps its sums in registers. */
export function scalarMultiplier(
  tile: ScalarTile,
  type: 'f32' | 'i32',
  columnsArea: number,
  quads: number,
): Multiplier {
  const { rowQuads, columnQuads, depth } = tile;
  const height = tile.rows / (4 * rowQuads);
  const width = tile.columns / (4 * columnQuads);
  // 32 neighboring invocations form 4 x 8, so that together they read few different quads.
  const blocked = height % 4 === 0 && width % 8 === 0;
  const place = blocked
    ? [
        `let own_column = lane % 8u + lane / 32u % ${width / 8}u * 8u;`,
        `let own_row = lane / 8u % 4u + lane / ${4 * width}u * 4u;`,
      ]
    : [`let own_column = lane % ${width}u;`, `let own_row = lane / ${width}u;`];
  const sum = (i: number, r: number, j: number): string => `sum_${i}_${r}_${j}`;
  const vector = `vec4<${type}>`;
  const multiplyAdd = (a: string, b: string, c: string): string =>
    type === 'f32' ? `fma(${vector}(${a}), ${b}, ${c})` : `${c} + ${vector}(${a}) * ${b}`;
  const step = (stage: string, k: string): string[] => [
    ...range(rowQuads).map((i) => {
      const at = `${stage} + (${k}) * ${lineQuads(tile, 'rows')}u + own_row`;
      return `let left${i} = tile[${at}${i === 0 ? '' : ` + ${i * height}u`}];`;
    }),
    ...range(columnQuads).map((j) => {
      const at = `${stage} + ${columnsArea}u + (${k}) * ${lineQuads(tile, 'columns')}u + own_column`;
      return `let right${j} = tile[${at}${j === 0 ? '' : ` + ${j * width}u`}];`;
    }),
    ...range(rowQuads).flatMap((i) =>
      range(4).flatMap((r) =>
        range(columnQuads).map((j) => `${sum(i, r, j)} = ${multiplyAdd(`left${i}[${r}]`, `right${j}`, sum(i, r, j))};`),
      ),
    ),
  ];
  // A slice contains row r of each invocation's quad i, for as many pairs (i, r) as fit.
  const perRow = height * (tile.columns / 4);
  const lines = range(rowQuads).flatMap((i) => range(4).map((r) => ({ i, r })));
  const atOnce = Math.max(1, Math.min(lines.length, Math.floor(quads / perRow)));
  const slices = range(Math.ceil(lines.length / atOnce)).map((part): Slice => {
    const own = lines.slice(part * atOnce, (part + 1) * atOnce);
    const line = `(e / ${height * tile.columns}u + ${part * atOnce}u)`;
    return {
      put: own.flatMap(({ i, r }, k) =>
        range(columnQuads).map(
          (j) =>
            `tile[${k * perRow}u + own_row * ${tile.columns / 4}u + own_column + ${j * width}u] = ${sum(i, r, j)};`,
        ),
      ),
      count: own.length * height * tile.columns,
      value: 'tile[e >> 2u][e & 3u]',
      row: `(e / ${tile.columns}u % ${height}u + ${line} / 4u * ${height}u) * 4u + ${line} % 4u`,
      column: `e % ${tile.columns}u`,
    };
  });
  return {
    directives: [],
    globals: [],
    prepare: [
      ...place,
      ...lines.flatMap(({ i, r }) => range(columnQuads).map((j) => `var ${sum(i, r, j)} = ${vector}();`)),
    ],
    multiply: (stage) => [
      `for (var k: u32 = 0u; k < ${depth}u; k += ${unrolled}u) {`,
      ...range(unrolled).flatMap((k) => ['{', ...step(stage, k === 0 ? 'k' : `k + ${k}u`), '}']),
      '}',
    ],
    slices,
  };
}

/** Multiplies with the device's matrix units: 16-bit operands, 32-bit sums. Offsets and strides are in quads, the elements of `tile`. */
export function matrixMultiplier(tile: MatrixTile, columnsArea: number): Multiplier {
  const { unit, rowUnits, columnUnits, subgroupSize, depth } = tile;
  const { m, n, k } = unit;
  const across = tile.columns / (columnUnits * n);
  const left = `subgroup_matrix_left<f16, ${k}, ${m}>`;
  const right = `subgroup_matrix_right<f16, ${n}, ${k}>`;
  const result = `subgroup_matrix_result<f32, ${n}, ${m}>`;
  const sum = (i: number, j: number): string => `sum_${i}_${j}`;
  const sums = range(rowUnits).flatMap((i) => range(columnUnits).map((j) => ({ i, j })));
  const unitSize = m * n;
  return {
    directives: [
      'enable f16;',
      'enable subgroups;',
      'enable chromium_experimental_subgroup_matrix;',
      // Subgroups consist of neighboring invocations, so control flow is uniform, but the compiler cannot know that.
      'diagnostic(off, chromium.subgroup_matrix_uniformity);',
    ],
    globals: [`var<workgroup> sums: array<f32, ${subgroupsOf(tile) * unitSize}>;`],
    prepare: [
      `let subgroup = lane / ${subgroupSize}u;`,
      `let own_row = subgroup / ${across}u * ${rowUnits * m}u;`,
      `let own_column = subgroup % ${across}u * ${columnUnits * n}u;`,
      ...sums.map(({ i, j }) => `var ${sum(i, j)}: ${result};`),
    ],
    multiply: (stage) =>
      range(depth / k).flatMap((step) => [
        '{',
        ...range(rowUnits).map((i) => {
          const line = lineQuads(tile, 'rows');
          const at = `${stage} + ${step * k * line}u + (own_row + ${i * m}u) / 4u`;
          return `let left${i} = subgroupMatrixLoad<${left}, col_major>(&tile, ${at}, ${line}u);`;
        }),
        ...range(columnUnits).flatMap((j) => {
          const line = lineQuads(tile, 'columns');
          const at = `${stage} + ${columnsArea + step * k * line}u + (own_column + ${j * n}u) / 4u`;
          return [
            `let right${j} = subgroupMatrixLoad<${right}, row_major>(&tile, ${at}, ${line}u);`,
            ...range(rowUnits).map(
              (i) => `${sum(i, j)} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, ${sum(i, j)});`,
            ),
          ];
        }),
        '}',
      ]),
    slices: sums.map(({ i, j }): Slice => {
      const from = `(e / ${unitSize}u)`;
      return {
        put: [`subgroupMatrixStore<row_major>(&sums, subgroup * ${unitSize}u, ${sum(i, j)}, ${n}u);`],
        count: subgroupsOf(tile) * unitSize,
        value: 'sums[e]',
        row: `${from} / ${across}u * ${rowUnits * m}u + ${i * m}u + e % ${unitSize}u / ${n}u`,
        column: `${from} % ${across}u * ${columnUnits * n}u + ${j * n}u + e % ${n}u`,
      };
    }),
  };
}
