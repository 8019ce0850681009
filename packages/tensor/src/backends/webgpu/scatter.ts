/**
 * Lowers scatterAdd without floating-point atomics: the positions are sorted by target row, those of equal rows in ascending order, and
 * one invocation sums each element of the table. So the order of each sum is that of the indices, in every run.
 */

import { guardText, positionText, unravel } from '../../codegen/affine.ts';
import type { ScatterAddKernel } from '../../kernel/kernel.ts';
import type { View } from '../../kernel/view.ts';
import { type Dispatch, type KernelContext, shaderDispatch, workgroupSize } from './dispatch.ts';
import type { WgslDialect } from './wgsl.ts';

/** With more indices, comparing all pairs takes longer than the rest of a training step that uses them. */
const mostSortedWell = 1 << 16;
/** With fewer indices, each element of the table compares all of them with its row instead. */
const fewestSorted = 33;

/** Statements that define `name` as the element of a view, 0 where a guard fails. */
function loadStatements(
  dialect: WgslDialect,
  name: string,
  { buffer, view }: { buffer: number; view: View },
  indices: readonly string[],
  dtype: 'i32' | ScatterAddKernel['dtype'],
): string[] {
  const element = dialect.load(buffer, positionText(view, indices));
  const condition = guardText(view, indices);
  if (condition === null) return [dialect.constant(name, dtype, element)];
  return [dialect.variable(name, dtype, dialect.literal(0, dtype)), `if (${condition}) { ${name} = ${element}; }`];
}

/** The shaders of a scatterAdd kernel. */
export function scatterAddDispatches(kernel: ScatterAddKernel, context: KernelContext): Dispatch[] {
  const { outer, rows, inner, count } = kernel;
  if (outer * rows * inner === 0) return [];
  if (count < fewestSorted) return [sumDispatch(kernel, context, null)];
  const sorted = {
    order: context.scratch('i32', count),
    keys: context.scratch('i32', count),
    starts: context.scratch('i32', rows + 1),
  };
  return [
    sortDispatch(kernel, context, sorted),
    startDispatch(kernel, context, sorted),
    sumDispatch(kernel, context, sorted),
  ];
}

/** The buffers of the sorted positions. */
interface Sorted {
  /** The positions, sorted by row. */
  readonly order: number;
  /** The row of each, in that order. */
  readonly keys: number;
  /** Where each row's positions start. */
  readonly starts: number;
}

/**
 * Counts for each position how many come before it: those with smaller rows, and earlier ones with the same row. The work grows with the
 * square of the number of indices, but each step is only one comparison with a number in workgroup memory.
 */
function sortDispatch(kernel: ScatterAddKernel, context: KernelContext, { order, keys }: Sorted): Dispatch {
  const { count, rows, index, name } = kernel;
  const size = workgroupSize(context.device);
  return shaderDispatch({
    name: `${name} (sort)`,
    context,
    reads: [index.buffer],
    writes: [order, keys],
    workgroupSize: size,
    groups: Math.ceil(count / size),
    slow: count > mostSortedWell ? `${count} indices are sorted by comparing all pairs` : null,
    body: (dialect) => {
      const key = (result: string, position: string): string[] => [
        ...loadStatements(dialect, `${result}_index`, index, [position], 'i32'),
        // Indices outside the table are sorted to the end.
        `let ${result} = select(${rows}, ${result}_index, ${result}_index >= 0 && ${result}_index < ${rows});`,
      ];
      const main = [
        `let position = i32(group_index * ${size}u + lane);`,
        `let clamped = min(position, ${count - 1});`,
        ...key('own', 'clamped'),
        'var before: i32 = 0;',
        `for (var start: i32 = 0; start < ${count}; start += ${size}) {`,
        `let other_position = min(start + i32(lane), ${count - 1});`,
        ...key('other', 'other_position'),
        'workgroupBarrier();',
        'tile[lane] = other;',
        'workgroupBarrier();',
        `let length = min(${size}, ${count} - start);`,
        'for (var k: i32 = 0; k < length; k += 1) {',
        'let tile_key = tile[k];',
        'before += select(0, 1, tile_key < own || (tile_key == own && start + k < position));',
        '}',
        '}',
        `if (position < ${count}) {`,
        dialect.store(order, 'before', 'position'),
        dialect.store(keys, 'before', 'own'),
        '}',
      ];
      return { globals: `var<workgroup> tile: array<i32, ${size}>;`, main: main.join('\n') };
    },
  });
}

/** Finds where each row starts: the first place in sorted order whose row is not smaller, by binary search. */
function startDispatch(kernel: ScatterAddKernel, context: KernelContext, { keys, starts }: Sorted): Dispatch {
  const { count, rows, name } = kernel;
  const size = workgroupSize(context.device);
  return shaderDispatch({
    name: `${name} (rows)`,
    context,
    reads: [keys],
    writes: [starts],
    workgroupSize: size,
    groups: Math.ceil((rows + 1) / size),
    body: (dialect) => {
      const main = [
        `let row = i32(group_index * ${size}u + lane);`,
        `if (row > ${rows}) { return; }`,
        'var low: i32 = 0;',
        `var high: i32 = ${count};`,
        'while (low < high) {',
        'let middle = (low + high) / 2;',
        `if (${dialect.load(keys, 'middle')} < row) { low = middle + 1; } else { high = middle; }`,
        '}',
        dialect.store(starts, 'row', 'low'),
      ];
      return { main: main.join('\n') };
    },
  });
}

/** Sums the table with one invocation for each element. Without `sorted` each invocation compares every index. */
function sumDispatch(kernel: ScatterAddKernel, context: KernelContext, sorted: Sorted | null): Dispatch {
  const { outer, count, inner, rows, values, index, out, dtype, name } = kernel;
  const size = workgroupSize(context.device);
  const elements = outer * rows * inner;
  return shaderDispatch({
    name,
    context,
    reads: [values.buffer, ...(sorted === null ? [index.buffer] : [sorted.order, sorted.starts])],
    writes: [out],
    workgroupSize: size,
    groups: Math.ceil(elements / size),
    body: (dialect) => {
      const add = [
        ...loadStatements(dialect, 'value', values, ['o', 'position', 'i'], dtype),
        `sum = ${dialect.join('sum', 'sum', 'value', dtype)};`,
      ];
      const loop =
        sorted === null
          ? [
              `for (var position: i32 = 0; position < ${count}; position += 1) {`,
              ...loadStatements(dialect, 'row', index, ['position'], 'i32'),
              'if (row == r) {',
              ...add,
              '}',
              '}',
            ]
          : [
              `let end = ${dialect.load(sorted.starts, 'r + 1')};`,
              `for (var place: i32 = ${dialect.load(sorted.starts, 'r')}; place < end; place += 1) {`,
              `let position = ${dialect.load(sorted.order, 'place')};`,
              ...add,
              '}',
            ];
      const main = [
        `let flat = i32(group_index * ${size}u + lane);`,
        `if (flat >= ${elements}) { return; }`,
        ...unravel(dialect, 'flat', [outer, rows, inner], ['o', 'r', 'i']),
        dialect.variable('sum', dtype, dialect.literal(0, dtype)),
        ...loop,
        dialect.store(out, 'flat', 'sum'),
      ];
      return { main: main.join('\n') };
    },
  });
}
