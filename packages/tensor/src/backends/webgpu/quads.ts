/**
 * Element-wise kernels with four neighbouring elements for each invocation: memory is read and written in vectors, indices are computed once
 * for four, and elements smaller than a word are written a word at a time.
 */

import { guardText, positionText, unravel } from '../../codegen/affine.ts';
import { type Known, valueStatements } from '../../codegen/program-text.ts';
import { hasAxis, type LoopProgram, operandsOf, variation } from '../../codegen/simplify.ts';
import type { Access, Value } from '../../kernel/kernel.ts';
import { sizeOf } from '../../kernel/shape.ts';
import { type Dispatch, type KernelContext, shaderDispatch } from './dispatch.ts';
import { registerType } from './elements.ts';
import type { WgslDialect } from './wgsl.ts';

/** Smaller domains leave too many of a device's lanes without work. */
const fewestElements = 1024;
const lanes = ['x', 'y', 'z', 'w'] as const;

/** Whether four elements that are neighbours along the axis are a vector in memory. */
function isVector({ view }: Access, inner: number): boolean {
  return (
    view.strides[inner] === 1 &&
    view.offset % 4 === 0 &&
    view.strides.every((stride, axis) => axis === inner || stride % 4 === 0) &&
    view.guards.every(({ coefficients }) => coefficients[inner] === 0)
  );
}

interface Quads {
  readonly inner: number;
  /** Values that are equal for the four elements, and loads that give all four at once. */
  readonly uniform: readonly Value[];
  readonly vectorLoads: readonly Value[];
}

/** Null where the kernel is not made for it. */
function planQuads(program: LoopProgram): Quads | null {
  const { domain, operations, stores } = program;
  const inner = domain.length - 1;
  if (domain[inner] % 4 !== 0 || sizeOf(domain) < fewestElements) return null;
  if (!stores.every(({ access }) => isVector(access, inner))) return null;
  const axes = variation(program);
  const uniform = operations.flatMap((_, value) => (hasAxis(axes[value], inner) ? [] : [value]));
  const vectorLoads = operations.flatMap((operation, value) => {
    if (operation.op !== 'load' && operation.op !== 'gather') return [];
    const sameRow = operandsOf(operation).every((row) => !hasAxis(axes[row], inner));
    return sameRow && isVector(operation.access, inner) ? [value] : [];
  });
  return { inner, uniform, vectorLoads };
}

/** A shader for an element-wise program; null where one invocation for each element is better. */
export function quadDispatch(
  name: string,
  program: LoopProgram,
  buffers: { readonly reads: readonly number[]; readonly writes: readonly number[] },
  context: KernelContext,
  workgroupSize: number,
): Dispatch | null {
  const quads = planQuads(program);
  if (quads === null) return null;
  const count = sizeOf(program.domain) / 4;
  const loaded = quads.vectorLoads.map((value) => accessOf(program, value).buffer);
  const written = program.stores.map(({ access }) => access.buffer);
  return shaderDispatch({
    name,
    context,
    ...buffers,
    vectors: [...loaded, ...written],
    wholeWords: written,
    workgroupSize,
    groups: Math.ceil(count / workgroupSize),
    body: (dialect) => ({ main: quadShader(program, quads, count, workgroupSize, dialect).join('\n') }),
  });
}

function accessOf({ operations }: LoopProgram, value: Value): Access {
  const operation = operations[value];
  if (operation.op !== 'load' && operation.op !== 'gather') throw new Error('kernel: not a load');
  return operation.access;
}

function quadShader(
  program: LoopProgram,
  { inner, uniform, vectorLoads }: Quads,
  count: number,
  workgroupSize: number,
  dialect: WgslDialect,
): string[] {
  const { domain, operations, stores } = program;
  const axes = domain.map((_, axis) => `i${axis}`);
  const outer = axes.map((axis, k) => (k === inner ? `${axis}_quad` : axis));
  const known: Known = new Map();
  const lines = [
    `let flat = i32(group_index * ${workgroupSize}u + lane);`,
    count % workgroupSize === 0 ? '' : `if (flat >= ${count}) { return; }`,
    ...unravel(
      dialect,
      'flat',
      domain.map((size, axis) => (axis === inner ? size / 4 : size)),
      outer,
    ),
    dialect.index(axes[inner], `${outer[inner]} * 4`),
    ...valueStatements(program, uniform, known, axes, dialect),
  ];
  for (const value of vectorLoads) lines.push(...vectorLoad(program, value, known, axes, dialect));
  stores.forEach(({ value }, k) => {
    lines.push(`var result${k}: vec4<${registerType(operations[value].dtype)}>;`);
  });
  lanes.forEach((lane, k) => {
    const own: Known = new Map(known);
    for (const value of vectorLoads) own.set(value, `q${value}.${lane}`);
    const ownAxes = axes.map((axis, at) => (at === inner && k > 0 ? `(${axis} + ${k})` : axis));
    const values = stores.map(({ value }) => value);
    lines.push(
      '{',
      ...valueStatements(program, values, own, ownAxes, dialect),
      ...stores.map(({ value }, index) => `result${index}.${lane} = ${own.get(value)};`),
      '}',
    );
  });
  stores.forEach(({ access: { buffer, view } }, k) => {
    const store = dialect.storeVector(buffer, `(${positionText(view, axes)}) / 4`, `result${k}`);
    const condition = guardText(view, axes);
    lines.push(condition === null ? store : `if (${condition}) { ${store} }`);
  });
  return lines.filter((line) => line !== '');
}

/** Statements that name four elements `q` and the value's number. */
function vectorLoad(
  { operations }: LoopProgram,
  value: Value,
  known: Known,
  axes: readonly string[],
  dialect: WgslDialect,
): string[] {
  const operation = operations[value];
  if (operation.op !== 'load' && operation.op !== 'gather') return [];
  const { access, dtype } = operation;
  const { buffer, view } = access;
  const lines: string[] = [];
  let indices = axes;
  if (operation.op === 'gather') {
    const row = `q${value}_row`;
    const last = view.shape[view.shape.length - 1] - 1;
    lines.push(dialect.index(row, dialect.clampedIndex(known.get(operation.row) as string, last)));
    indices = [...axes, row];
  }
  const vector = dialect.loadVector(buffer, `((${positionText(view, indices)}) / 4)`);
  const type = `vec4<${registerType(dtype)}>`;
  const condition = guardText(view, indices);
  if (condition === null) return [...lines, `let q${value}: ${type} = ${vector};`];
  return [...lines, `var q${value}: ${type};`, `if (${condition}) { q${value} = ${vector}; }`];
}
