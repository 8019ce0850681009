/** Lowers loop kernels: one invocation for each element, or a team of invocations for each row. */

import { unravel } from '../../codegen/affine.ts';
import { foldConstants } from '../../codegen/fold-constants.ts';
import { decideAllGuards, joinAxes } from '../../codegen/normalize.ts';
import { type Known, storeStatements, valueStatements } from '../../codegen/program-text.ts';
import { planRows, type RowPhase } from '../../codegen/row-phases.ts';
import { type LoopProgram, loopProgram, simplify } from '../../codegen/simplify.ts';
import type { DType } from '../../kernel/dtype.ts';
import { accessesOf, type LoopKernel, type Value } from '../../kernel/kernel.ts';
import { lookUp, nth } from '../../kernel/nth.ts';
import type { ReduceOp } from '../../kernel/operators.ts';
import { type Shape, sizeOf } from '../../kernel/shape.ts';
import type { DeviceCapabilities } from './capabilities.ts';
import { type Dispatch, type KernelContext, shaderDispatch, workgroupSize } from './dispatch.ts';
import { registerType } from './elements.ts';
import { quadDispatch } from './quads.ts';
import { chooseTeams, type Teams } from './teams.ts';
import type { WgslDialect } from './wgsl.ts';

/** The buffers that a simplified program still reads and writes. */
function touched({ operations, stores }: LoopProgram): { reads: number[]; writes: number[] } {
  const { reads, writes } = accessesOf({
    kind: 'loop',
    name: '',
    domain: [],
    reduced: [],
    program: { instructions: operations as never, stores },
  });
  return { reads: reads.map(({ buffer }) => buffer), writes: writes.map(({ buffer }) => buffer) };
}

export function loopDispatches(kernel: LoopKernel, context: KernelContext): Dispatch[] {
  const { domain, reduced, program } = kernel;
  if (sizeOf(domain) === 0) return [];
  const reduces =
    program.instructions.some(({ op }) => op === 'reduce') || program.stores.some((store) => store.oncePerRow);
  const raw = loopProgram(
    program,
    domain,
    reduced.map((flag) => flag && reduces),
  );
  const simple = joinAxes(simplify(joinAxes(foldConstants(decideAllGuards(raw)))));
  if (simple.stores.length === 0) return [];
  return [
    simple.reduced.includes(true)
      ? rowDispatch(kernel.name, simple, context)
      : elementDispatch(kernel.name, simple, context),
  ];
}

const axisNames = (domain: Shape): string[] => domain.map((_, axis) => `i${axis}`);

function elementDispatch(name: string, program: LoopProgram, context: KernelContext): Dispatch {
  const elements = sizeOf(program.domain);
  const size = workgroupSize(context.device);
  const buffers = touched(program);
  const quads = quadDispatch(name, program, buffers, context, size);
  if (quads !== null) return quads;
  return shaderDispatch({
    name,
    context,
    ...buffers,
    workgroupSize: size,
    groups: Math.ceil(elements / size),
    body: (dialect) => {
      const axes = axisNames(program.domain);
      const known: Known = new Map();
      const lines = [
        `let flat = i32(group_index * ${size}u + lane);`,
        elements % size === 0 ? '' : `if (flat >= ${elements}) { return; }`,
        ...unravel(dialect, 'flat', program.domain, axes),
        ...valueStatements(
          program,
          program.stores.map(({ value }) => value),
          known,
          axes,
          dialect,
        ),
        ...storeStatements(program.stores, known, axes, dialect),
      ];
      return { main: lines.filter((line) => line !== '').join('\n') };
    },
  });
}

function rowDispatch(name: string, program: LoopProgram, context: KernelContext): Dispatch {
  const { domain, reduced } = program;
  const rows = sizeOf(domain.filter((_, axis) => !reduced[axis]));
  const length = sizeOf(domain.filter((_, axis) => reduced[axis]));
  const teams = chooseTeams({
    rows,
    length,
    alongRow: reduced.at(-1) === true,
    workgroupSize: workgroupSize(context.device),
  });
  const subgroup = subgroupFor(teams, context.device);
  return shaderDispatch({
    name,
    context,
    ...touched(program),
    workgroupSize: teams.size * teams.rows,
    groups: Math.ceil(rows / teams.rows),
    parameters:
      subgroup === 1
        ? []
        : ['@builtin(subgroup_id) subgroup: u32', '@builtin(subgroup_invocation_id) subgroup_lane: u32'],
    body: (dialect) => ({
      ...new RowShader(program, teams, dialect, { rows, length, subgroup }).write(),
      directives: subgroup === 1 ? [] : ['enable subgroups;'],
    }),
  });
}

/**
 * The number of a team's members that combine their results through registers. It is 1 if subgroups do not have one known size, because
 * the order of sums must depend only on shapes and the device.
 */
function subgroupFor(teams: Teams, { features, subgroupSize: { min, max } }: DeviceCapabilities): number {
  const usable = features.has('subgroups') && features.has('subgroup_id') && min === max;
  if (!usable || teams.adjacentRows || teams.size === 1 || (teams.size * teams.rows) % max !== 0) return 1;
  return max;
}

/** A reduction's partial result, in the variable `name` of each member of a team. */
interface TeamPart {
  readonly value: Value;
  readonly name: string;
  readonly kind: ReduceOp;
  readonly dtype: DType;
}

/** A partial result, and the array in workgroup memory through which it is combined. */
interface SlottedPart extends TeamPart {
  readonly slot: string;
}

/** The largest number of reductions that are combined together: they share barriers, but each needs workgroup memory. */
const reductionsAtOnce = 8;

/** Writes a shader in which teams of invocations process rows. */
class RowShader {
  readonly #program: LoopProgram;
  readonly #teams: Teams;
  readonly #dialect: WgslDialect;
  readonly #rows: number;
  readonly #length: number;
  /** The number of invocations in a subgroup; 1 if subgroups are not used. */
  readonly #subgroup: number;
  readonly #axes: readonly string[];
  readonly #known: Known = new Map();
  readonly #lines: string[] = [];
  /** The number of arrays in workgroup memory, by type. */
  readonly #arrays = new Map<string, number>();
  /** Whether results in the arrays may still be read, so that a barrier must precede the next write. */
  #arraysInUse = false;

  constructor(
    program: LoopProgram,
    teams: Teams,
    dialect: WgslDialect,
    sizes: { readonly rows: number; readonly length: number; readonly subgroup: number },
  ) {
    this.#program = program;
    this.#teams = teams;
    this.#dialect = dialect;
    this.#rows = sizes.rows;
    this.#length = sizes.length;
    this.#subgroup = sizes.subgroup;
    this.#axes = axisNames(program.domain);
  }

  write(): { globals: string; main: string } {
    const { phases, rowValues, oncePerRow } = planRows(this.#program);
    this.#writeRowIndex();
    for (const phase of phases) this.#writePhase(phase);
    this.#values(rowValues);
    if (oncePerRow.length > 0) {
      const stores = storeStatements(oncePerRow, this.#known, this.#rowAxes(), this.#dialect);
      const { reads } = touched(this.#program);
      // Another invocation of the team may still read the memory that is written here.
      if (this.#teams.size > 1 && oncePerRow.some(({ access }) => reads.includes(access.buffer)))
        this.#lines.push('storageBarrier();');
      this.#lines.push(`if (present && member == 0) { ${stores.join(' ')} }`);
    }
    const arrays = [...this.#arrays].flatMap(([type, count]) =>
      Array.from(
        { length: count },
        (_, slot) => `var<workgroup> ${type}_parts_${slot}: array<${type}, ${this.#teams.size * this.#teams.rows}>;`,
      ),
    );
    return { globals: arrays.join('\n'), main: this.#lines.join('\n') };
  }

  /** Defines the row, and the invocation's number in its team. Teams after the last row process no elements, but take part in barriers. */
  #writeRowIndex(): void {
    const { size, rows, adjacentRows } = this.#teams;
    // Computed from the subgroup's number, because WebGPU does not specify which invocations of a workgroup form a subgroup.
    this.#lines.push(`let place = ${this.#subgroup === 1 ? 'lane' : `subgroup * ${this.#subgroup}u + subgroup_lane`};`);
    const inGroup = adjacentRows ? `place % ${rows}u` : `place / ${size}u`;
    const member = adjacentRows ? `place / ${rows}u` : `place % ${size}u`;
    this.#lines.push(`let row_index = group_index * ${rows}u + ${inGroup};`, `let member = i32(${member});`);
    if (this.#rows % rows === 0) {
      this.#lines.push('let present = true;', 'let row = i32(row_index);', `let length = ${this.#length};`);
    } else
      this.#lines.push(
        `let present = row_index < ${this.#rows}u;`,
        `let row = i32(min(row_index, ${this.#rows - 1}u));`,
        `let length = select(0, ${this.#length}, present);`,
      );
    const { domain, reduced } = this.#program;
    this.#lines.push(
      ...unravel(
        this.#dialect,
        'row',
        domain.filter((_, axis) => !reduced[axis]),
        this.#axes.filter((_, axis) => !reduced[axis]),
      ),
    );
  }

  /** The indices for values that do not vary along the row: the reduced axes are 0. */
  #rowAxes(): string[] {
    return this.#axes.map((name, axis) => (this.#program.reduced[axis] ? '0' : name));
  }

  #values(values: readonly Value[]): void {
    this.#lines.push(...valueStatements(this.#program, values, this.#known, this.#rowAxes(), this.#dialect));
  }

  /** One loop over the elements of the row, and the reductions that it computes. */
  #writePhase({ rowValues, reductions, stores }: RowPhase): void {
    const { operations, domain, reduced } = this.#program;
    const dialect = this.#dialect;
    this.#values(rowValues);
    const parts = reductions.map((value) => {
      const operation = nth(operations, value);
      if (operation.op !== 'reduce')
        throw new Error(`webgpu: operation ${value} is '${operation.op}', not a reduction`);
      const { kind, dtype, source } = operation;
      return { value, name: `p${value}`, kind, dtype, source };
    });
    for (const { name, kind, dtype } of parts)
      this.#lines.push(dialect.variable(name, dtype, dialect.neutral(kind, dtype)));
    const known: Known = new Map(this.#known);
    const needed = [...parts.map(({ source }) => source), ...stores.map(({ value }) => value)];
    const body = [
      ...unravel(
        dialect,
        'element',
        domain.filter((_, axis) => reduced[axis]),
        this.#axes.filter((_, axis) => reduced[axis]),
      ),
      ...valueStatements(this.#program, needed, known, this.#axes, dialect),
      ...parts.map(
        ({ name, kind, dtype, source }) => `${name} = ${dialect.join(kind, name, lookUp(known, source), dtype)};`,
      ),
      ...storeStatements(stores, known, this.#axes, dialect),
    ];
    this.#lines.push(
      `for (var element: i32 = member; element < length; element += ${this.#teams.size}) {`,
      ...body,
      '}',
    );
    for (let k = 0; k < parts.length; k += reductionsAtOnce) this.#joinTeam(parts.slice(k, k + reductionsAtOnce));
  }

  /** Combines the team's partial results, as a tree of a fixed shape. */
  #joinTeam(parts: readonly TeamPart[]): void {
    const { size, rows, adjacentRows } = this.#teams;
    if (size === 1) {
      for (const { value, name } of parts) this.#known.set(value, name);
      return;
    }
    const within = Math.min(this.#subgroup, size);
    for (let step = 1; step < within; step *= 2)
      for (const { name, kind, dtype } of parts)
        this.#lines.push(
          `${name} = ${this.#dialect.join(kind, name, `subgroupShuffleXor(${name}, ${step}u)`, dtype)};`,
        );
    if (within === size) {
      // Every member has combined the same pairs in the same order, so all have the same bits.
      for (const { value, name } of parts) this.#known.set(value, name);
      return;
    }
    const slots = this.#slotsFor(parts);
    if (this.#arraysInUse) this.#lines.push('workgroupBarrier();');
    this.#arraysInUse = true;
    if (within > 1) {
      this.#joinSubgroups(slots);
      return;
    }
    for (const { name, slot } of slots) this.#lines.push(`${slot}[place] = ${name};`);
    const stride = adjacentRows ? rows : 1;
    for (let step = size / 2; step >= 1; step /= 2) {
      const joins = slots.map(({ kind, dtype, slot }) => {
        const joined = this.#dialect.join(kind, `${slot}[place]`, `${slot}[place + ${step * stride}u]`, dtype);
        return `${slot}[place] = ${joined};`;
      });
      this.#lines.push('workgroupBarrier();', `if (member < ${step}) { ${joins.join(' ')} }`);
    }
    this.#lines.push('workgroupBarrier();');
    const first = adjacentRows ? `place % ${rows}u` : `place - place % ${size}u`;
    for (const { value, dtype, slot } of slots) {
      this.#lines.push(this.#dialect.constant(`v${value}`, dtype, `${slot}[${first}]`));
      this.#known.set(value, `v${value}`);
    }
  }

  /** For a team of several subgroups: each writes its result to workgroup memory, and every member combines all of them, in order. */
  #joinSubgroups(slots: readonly SlottedPart[]): void {
    const { size } = this.#teams;
    const count = size / this.#subgroup;
    const writes = slots.map(({ name, slot }) => `${slot}[subgroup] = ${name};`);
    const first = `first_subgroup_${nth(slots, 0).value}`;
    this.#lines.push(
      `if (subgroup_lane == 0u) { ${writes.join(' ')} }`,
      'workgroupBarrier();',
      `let ${first} = place / ${size}u * ${count}u;`,
    );
    for (const { value, kind, dtype, slot } of slots) {
      let joined = `${slot}[${first}]`;
      for (let other = 1; other < count; other++)
        joined = this.#dialect.join(kind, joined, `${slot}[${first} + ${other}u]`, dtype);
      this.#lines.push(this.#dialect.constant(`v${value}`, dtype, joined));
      this.#known.set(value, `v${value}`);
    }
  }

  /** Assigns an array in workgroup memory to each part. */
  #slotsFor(parts: readonly TeamPart[]): SlottedPart[] {
    const counts = new Map<string, number>();
    const slots = parts.map((part) => {
      const type = registerType(part.dtype);
      const slot = counts.get(type) ?? 0;
      counts.set(type, slot + 1);
      return { ...part, slot: `${type}_parts_${slot}` };
    });
    for (const [type, count] of counts) this.#arrays.set(type, Math.max(count, this.#arrays.get(type) ?? 0));
    return slots;
  }
}
