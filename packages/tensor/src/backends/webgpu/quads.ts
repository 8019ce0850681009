/**
 * Lowers element-wise kernels to shaders in which each invocation computes four neighboring elements: memory is read and written in
 * vectors, indices are computed once for four elements, and elements smaller than a word are written a word at a time.
 */

import { guardText, positionText, unravel } from '../../codegen/affine.ts';
import { type Known, valueStatements } from '../../codegen/program-text.ts';
import { hasAxis, type LoopProgram, operandsOf, variation } from '../../codegen/simplify.ts';
import type { Access, Value } from '../../kernel/kernel.ts';
import { lookUp, nth } from '../../kernel/nth.ts';
import { sizeOf } from '../../kernel/shape.ts';
import { type Dispatch, type KernelContext, shaderDispatch } from './dispatch.ts';
import { registerType } from './elements.ts';
import type { WgslDialect } from './wgsl.ts';

/** Smaller domains would leave too many of a device's lanes idle. */
const fewestElements = 1024;
const lanes = ['x', 'y', 'z', 'w'] as const;

/** Whether every four neighboring elements along the axis are an aligned vector in memory. */
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
  /** Values that are equal for the four elements. */
  readonly uniform: readonly Value[];
  /** Loads that return all four elements as a vector. */
  readonly vectorLoads: readonly Value[];
}

/** Returns null if the kernel is not suitable. */
function planQuads(program: LoopProgram): Quads | null {
  const { domain, operations, stores } = program;
  const inner = domain.length - 1;
  if (sizeOf(domain) < fewestElements || nth(domain, inner) % 4 !== 0) return null;
  if (!stores.every(({ access }) => isVector(access, inner))) return null;
  const axes = variation(program);
  const varies = (value: Value): boolean => hasAxis(nth(axes, value), inner);
  const uniform = operations.flatMap((_, value) => (varies(value) ? [] : [value]));
  const vectorLoads = operations.flatMap((operation, value) => {
    if (operation.op !== 'load' && operation.op !== 'gather') return [];
    const sameRow = !operandsOf(operation).some(varies);
    return sameRow && isVector(operation.access, inner) ? [value] : [];
  });
  return { inner, uniform, vectorLoads };
}

/** The shader of an element-wise program; null if one invocation for each element is better. */
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
  const operation = nth(operations, value);
  if (operation.op !== 'load' && operation.op !== 'gather')
    throw new Error(`webgpu: operation ${value} is '${operation.op}', not a load`);
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
    dialect.index(nth(axes, inner), `${nth(outer, inner)} * 4`),
    ...valueStatements(program, uniform, known, axes, dialect),
  ];
  for (const value of vectorLoads) lines.push(...vectorLoad(program, value, known, axes, dialect));
  for (const [k, { value }] of stores.entries())
    lines.push(`var result${k}: vec4<${registerType(nth(operations, value).dtype)}>;`);
  for (const [k, lane] of lanes.entries()) {
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
  }
  for (const [k, { access }] of stores.entries()) {
    const { buffer, view } = access;
    const store = dialect.storeVector(buffer, `(${positionText(view, axes)}) / 4`, `result${k}`);
    const condition = guardText(view, axes);
    lines.push(condition === null ? store : `if (${condition}) { ${store} }`);
  }
  return lines.filter((line) => line !== '');
}

/** Statements that load four elements into a vector called `q` and the value's number. */
function vectorLoad(
  { operations }: LoopProgram,
  value: Value,
  known: Known,
  axes: readonly string[],
  dialect: WgslDialect,
): string[] {
  const operation = nth(operations, value);
  if (operation.op !== 'load' && operation.op !== 'gather') return [];
  const { access, dtype } = operation;
  const { buffer, view } = access;
  const lines: string[] = [];
  let indices = axes;
  if (operation.op === 'gather') {
    const row = `q${value}_row`;
    const last = nth(view.shape, view.shape.length - 1) - 1;
    lines.push(dialect.index(row, dialect.clampedIndex(lookUp(known, operation.row), last)));
    indices = [...axes, row];
  }
  const vector = dialect.loadVector(buffer, `((${positionText(view, indices)}) / 4)`);
  const type = `vec4<${registerType(dtype)}>`;
  const condition = guardText(view, indices);
  if (condition === null) return [...lines, `let q${value}: ${type} = ${vector};`];
  return [...lines, `var q${value}: ${type};`, `if (${condition}) { q${value} = ${vector}; }`];
}
