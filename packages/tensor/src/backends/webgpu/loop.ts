/** Loop kernels: one invocation for each element, or a team of invocations for each row. */
import { accessesOf, type LoopKernel, type Value } from '../../kernel.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import { unravel } from '../scalar-code/affine.ts';
import { foldConstants } from '../scalar-code/fold-constants.ts';
import { decideAllGuards, joinAxes } from '../scalar-code/normalize.ts';
import { type Known, storeStatements, valueStatements } from '../scalar-code/program-text.ts';
import { planRows, type RowPhase } from '../scalar-code/row-phases.ts';
import { type LoopProgram, loopProgram, operandsOf, simplify } from '../scalar-code/simplify.ts';
import { type Dispatch, type KernelContext, shaderDispatch } from './dispatch.ts';
import { registerType } from './elements.ts';
import { quadDispatch } from './quads.ts';
import { chooseTeams, type Teams } from './teams.ts';
import type { WgslDialect } from './wgsl.ts';

/** Invocations of a workgroup where nothing else decides. */
const workgroupSize = 256;

/** The buffers that a simplified program still touches. */
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
  const size = Math.min(workgroupSize, context.device.invocations);
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
    alongRow: reduced[reduced.length - 1],
    workgroupSize: Math.min(workgroupSize, context.device.invocations),
  });
  return shaderDispatch({
    name,
    context,
    ...touched(program),
    workgroupSize: teams.size * teams.rows,
    groups: Math.ceil(rows / teams.rows),
    body: (dialect) => new RowShader(program, teams, dialect, { rows, length }).write(),
  });
}

/** Reductions that are joined in one go share the barriers; each takes workgroup memory. */
const reductionsAtOnce = 8;

class RowShader {
  readonly #program: LoopProgram;
  readonly #teams: Teams;
  readonly #dialect: WgslDialect;
  readonly #rows: number;
  readonly #length: number;
  readonly #axes: readonly string[];
  readonly #known: Known = new Map();
  readonly #lines: string[] = [];
  /** Arrays in workgroup memory, by type. */
  readonly #arrays = new Map<string, number>();
  /** Whether results may still be read from the arrays. */
  #arraysInUse = false;

  constructor(
    program: LoopProgram,
    teams: Teams,
    dialect: WgslDialect,
    sizes: { readonly rows: number; readonly length: number },
  ) {
    this.#program = program;
    this.#teams = teams;
    this.#dialect = dialect;
    this.#rows = sizes.rows;
    this.#length = sizes.length;
    this.#axes = axisNames(program.domain);
  }

  write(): { globals: string; main: string } {
    const { phases, rowValues, oncePerRow } = planRows(this.#program);
    this.#findRow();
    for (const phase of phases) this.#walk(phase);
    this.#values(rowValues);
    if (oncePerRow.length > 0) {
      const stores = storeStatements(oncePerRow, this.#known, this.#rowAxes(), this.#dialect);
      const { reads } = touched(this.#program);
      // What another invocation of the team may still read must not be overwritten.
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

  /** The row, and the invocation's number in its team. Teams beyond the last row walk nothing, but take part in barriers. */
  #findRow(): void {
    const { size, rows, adjacentRows } = this.#teams;
    const inGroup = adjacentRows ? `lane % ${rows}u` : `lane / ${size}u`;
    const member = adjacentRows ? `lane / ${rows}u` : `lane % ${size}u`;
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

  /** Values that do not vary along the row are computed with the reduced axes at 0. */
  #rowAxes(): string[] {
    return this.#axes.map((name, axis) => (this.#program.reduced[axis] ? '0' : name));
  }

  #values(values: readonly Value[]): void {
    this.#lines.push(...valueStatements(this.#program, values, this.#known, this.#rowAxes(), this.#dialect));
  }

  #walk({ rowValues, reductions, stores }: RowPhase): void {
    const { operations, domain, reduced } = this.#program;
    const dialect = this.#dialect;
    this.#values(rowValues);
    const partial = (value: Value): string => `p${value}`;
    const reduction = (value: Value) => {
      const operation = operations[value];
      if (operation.op !== 'reduce') throw new Error('kernel: not a reduction');
      return operation;
    };
    for (const value of reductions) {
      const { kind, dtype } = reduction(value);
      this.#lines.push(dialect.variable(partial(value), dtype, dialect.neutral(kind, dtype)));
    }
    const known: Known = new Map(this.#known);
    const needed = [
      ...reductions.flatMap((value) => operandsOf(operations[value])),
      ...stores.map(({ value }) => value),
    ];
    const body = [
      ...unravel(
        dialect,
        'element',
        domain.filter((_, axis) => reduced[axis]),
        this.#axes.filter((_, axis) => reduced[axis]),
      ),
      ...valueStatements(this.#program, needed, known, this.#axes, dialect),
      ...reductions.map((value) => {
        const { kind, source, dtype } = reduction(value);
        return `${partial(value)} = ${dialect.join(kind, partial(value), known.get(source) as string, dtype)};`;
      }),
      ...storeStatements(stores, known, this.#axes, dialect),
    ];
    this.#lines.push(
      `for (var element: i32 = member; element < length; element += ${this.#teams.size}) {`,
      ...body,
      '}',
    );
    for (let k = 0; k < reductions.length; k += reductionsAtOnce)
      this.#joinTeam(
        reductions
          .slice(k, k + reductionsAtOnce)
          .map((value) => ({ value, name: partial(value), ...reduction(value) })),
      );
  }

  /** The team's partial results become one, joined as a tree of a fixed shape. */
  #joinTeam(
    parts: readonly { value: Value; name: string; kind: 'sum' | 'max'; dtype: Parameters<typeof registerType>[0] }[],
  ): void {
    const { size, rows, adjacentRows } = this.#teams;
    if (size === 1) {
      for (const { value, name } of parts) this.#known.set(value, name);
      return;
    }
    const counts = new Map<string, number>();
    const slots = parts.map(({ dtype }) => {
      const type = registerType(dtype);
      const slot = counts.get(type) ?? 0;
      counts.set(type, slot + 1);
      return `${type}_parts_${slot}`;
    });
    for (const [type, count] of counts) this.#arrays.set(type, Math.max(count, this.#arrays.get(type) ?? 0));
    if (this.#arraysInUse) this.#lines.push('workgroupBarrier();');
    this.#arraysInUse = true;
    parts.forEach(({ name }, k) => {
      this.#lines.push(`${slots[k]}[lane] = ${name};`);
    });
    const stride = adjacentRows ? rows : 1;
    for (let step = size / 2; step >= 1; step /= 2) {
      const joins = parts.map(({ kind, dtype }, k) => {
        const joined = this.#dialect.join(kind, `${slots[k]}[lane]`, `${slots[k]}[lane + ${step * stride}u]`, dtype);
        return `${slots[k]}[lane] = ${joined};`;
      });
      this.#lines.push('workgroupBarrier();', `if (member < ${step}) { ${joins.join(' ')} }`);
    }
    this.#lines.push('workgroupBarrier();');
    const first = adjacentRows ? `lane % ${rows}u` : `lane - lane % ${size}u`;
    parts.forEach(({ value, dtype }, k) => {
      this.#lines.push(this.#dialect.constant(`v${value}`, dtype, `${slots[k]}[${first}]`));
      this.#known.set(value, `v${value}`);
    });
  }
}
