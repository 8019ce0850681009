/** Generates the code that loads an operand's tiles from memory into registers, and moves them from there into workgroup memory. */
import { nth } from '../../kernel/nth.ts';
import {
  conditionOf,
  type ProductOperand,
  positionOf,
  readsVectors,
  type Terms,
  termStatements,
} from './contract-operand.ts';
import type { WgslDialect } from './wgsl.ts';

/** One operand, and its part of the tiles' memory. */
export interface TileSide {
  /** `a` or `b`: the prefix of all names in the generated code. */
  readonly name: string;
  readonly operand: ProductOperand;
  /** The number of rows (or columns) of the operand. */
  readonly total: number;
  /** The number of rows (or columns) of a tile. */
  readonly tile: number;
  /** Where the operand's part of a stage starts, in quads. */
  readonly area: number;
  /** The distance between its lines, in quads. A line contains all rows of the tile at one place of the sum. */
  readonly line: number;
}

export interface FetchSettings {
  readonly depth: number;
  readonly invocations: number;
  /** The number of terms of each sum. */
  readonly terms: number;
  /** The WGSL type of an element in workgroup memory. */
  readonly tileType: string;
  /** The WGSL type of an element in a register. */
  readonly registerType: string;
}

/** What one invocation loads in one round: a quad of rows at one place in the sum, or 4 x 4 elements. */
interface Item {
  /** An expression for the quad of rows, from the invocation's number. */
  readonly quad: string;
  /** An expression for the (first) place in the sum. */
  readonly place: string;
  /** The condition under which the invocation loads anything; null if all invocations do. */
  readonly condition: string | null;
}

/** The number of lanes that one access to workgroup memory serves; they should access different banks. */
const lanesAtOnce = 8;

const over = (text: string, divisor: number): string => (divisor === 1 ? text : `${text} / ${divisor}u`);

/** Writes the loads of one operand. `prepare` must be called before `fetch` and `put`. */
export class TileFetch {
  readonly #dialect: WgslDialect;
  readonly #side: TileSide;
  readonly #settings: FetchSettings;
  readonly #items: readonly Item[];
  readonly #square: boolean;
  /** The terms of each item's rows: one or four. */
  readonly #rowTerms: Terms[][] = [];
  #batchTerms: Terms = { position: null, guards: [] };

  constructor(dialect: WgslDialect, side: TileSide, settings: FetchSettings) {
    this.#dialect = dialect;
    this.#side = side;
    this.#settings = settings;
    this.#square = side.operand.mode === 'depthVectors';
    this.#items = this.#divide();
  }

  #divide(): Item[] {
    const { name, tile, operand } = this.#side;
    const { depth, invocations } = this.#settings;
    const quads = tile / 4;
    const places = this.#square ? depth / 4 : depth;
    const count = quads * places;
    return Array.from({ length: Math.ceil(count / invocations) }, (_, round) => {
      const lane = `${name}_lane`;
      const item = round === 0 ? lane : `(${lane} + ${round * invocations}u)`;
      const condition = (round + 1) * invocations > count ? `${item} < ${count}u` : null;
      // If the remainder is the same in every round, all rounds share the values computed from it.
      const remainder = (divisor: number): string => `${invocations % divisor === 0 ? lane : item} % ${divisor}u`;
      if (operand.mode === 'rowVectors' || operand.mode === 'rowElements')
        return { quad: remainder(quads), place: over(item, quads), condition };
      if (!this.#square) return { quad: over(item, places), place: remainder(places), condition };
      if (quads % lanesAtOnce !== 0)
        return { quad: over(item, places), place: `(${remainder(places)}) * 4u`, condition };
      return {
        quad: `${item} % ${lanesAtOnce}u + ${item} / ${lanesAtOnce * places}u * ${lanesAtOnce}u`,
        place: `(${item} / ${lanesAtOnce}u % ${places}u) * 4u`,
        condition,
      };
    });
  }

  /** Statements before the loop over the sum. `lane`, `tileStart` (the tile's first row, i32) and `batch` are names in the caller's code. */
  prepare(lane: string, tileStart: string, batch: string): string[] {
    const { name, operand, total, tile } = this.#side;
    const lines = [`let ${name}_lane = ${lane};`];
    const ofBatch = termStatements(this.#dialect, operand.batch, batch, `${name}_batch`);
    lines.push(...ofBatch.lines);
    this.#batchTerms = ofBatch.terms;
    const rows = operand.mode === 'rowVectors' ? 1 : 4;
    const known = new Map<string, Terms[]>();
    for (const [round, { quad, place }] of this.#items.entries()) {
      lines.push(`let ${name}_quad${round} = ${quad};`, `let ${name}_place${round} = i32(${place});`);
      const before = known.get(quad);
      if (before !== undefined) {
        this.#rowTerms.push(before);
        continue;
      }
      const terms = Array.from({ length: rows }, (_, row) => {
        const flat = `${name}_row${round}_${row}`;
        const index = `${tileStart} + i32(${name}_quad${round}) * 4${row === 0 ? '' : ` + ${row}`}`;
        // Rows after the last one repeat it; their results are not stored.
        const lastStart = operand.mode === 'rowVectors' ? total - 4 : total - 1;
        const own = termStatements(this.#dialect, operand.rows, flat, flat);
        if (own.lines.length > 0)
          lines.push(`let ${flat} = ${total % tile === 0 ? index : `min(${index}, ${lastStart})`};`, ...own.lines);
        return own.terms;
      });
      known.set(quad, terms);
      this.#rowTerms.push(terms);
    }
    for (const register of this.#registers()) lines.push(`var ${register} = vec4<${this.#settings.registerType}>();`);
    return lines;
  }

  /** The registers that contain loaded quads until `put` stores them. */
  #registers(): string[] {
    const perItem = this.#square ? 4 : 1;
    return this.#items.flatMap((_, round) =>
      Array.from({ length: perItem }, (__, k) => `${this.#side.name}_next${round * perItem + k}`),
    );
  }

  /** Statements that load the tile that starts at `start` in the sum, with zeros beyond the sum's end. */
  fetch(start: string): string[] {
    return this.#items.flatMap((item, round) => {
      const lines = this.#fetchItem(round, start);
      return item.condition === null ? lines : [`if (${item.condition}) {`, ...lines, '}'];
    });
  }

  #fetchItem(round: number, start: string): string[] {
    const { name, operand } = this.#side;
    const { terms: count, depth, registerType } = this.#settings;
    const quad = `vec4<${registerType}>`;
    const dialect = this.#dialect;
    const place = `${name}_k${round}`;
    const ofPlace = termStatements(dialect, operand.depth, place, place);
    const lines = [`let ${place} = ${start} + ${name}_place${round};`, ...ofPlace.lines];
    const within = count % depth === 0 ? null : `(${place} < ${count})`;
    const rowTerms = nth(this.#rowTerms, round);
    // Without branches, so that loads do not wait for each other: where nothing may be read, the load reads the start of the buffer.
    const load = (result: string, row: Terms, zero: string, read: (position: string) => string): void => {
      const terms = [this.#batchTerms, row, ofPlace.terms];
      const conditions = [within, conditionOf(operand, terms)].filter((each) => each !== null);
      const position = positionOf(operand, terms);
      if (conditions.length === 0) {
        lines.push(`let ${result} = ${read(position)};`);
        return;
      }
      lines.push(
        `let ${result}_read = ${conditions.join(' & ')};`,
        `let ${result} = select(${zero}, ${read(`select(0, ${position}, ${result}_read)`)}, ${result}_read);`,
      );
    };
    const vector = (position: string): string => dialect.loadVector(operand.buffer, `(${position}) >> 2u`);
    const element = (position: string): string => dialect.load(operand.buffer, position);
    if (operand.mode === 'rowVectors') {
      load(`${name}_value${round}`, nth(rowTerms, 0), `${quad}()`, vector);
      return [...lines, `${name}_next${round} = ${name}_value${round};`];
    }
    const square = readsVectors(operand);
    const values = rowTerms.map((row, k) => {
      const value = `${name}_value${round}_${k}`;
      load(value, row, square ? `${quad}()` : `${registerType}()`, square ? vector : element);
      return value;
    });
    if (!square) return [...lines, `${name}_next${round} = ${quad}(${values.join(', ')});`];
    return [
      ...lines,
      ...[0, 1, 2, 3].map(
        (k) => `${name}_next${4 * round + k} = ${quad}(${values.map((value) => `${value}[${k}]`).join(', ')});`,
      ),
    ];
  }

  /** Statements that move the loaded quads into workgroup memory; `stage` is where the stage starts, in quads. */
  put(stage: string): string[] {
    const { name, area, line } = this.#side;
    const { tileType, registerType } = this.#settings;
    const perItem = this.#square ? 4 : 1;
    return this.#items.flatMap(({ condition }, round) => {
      const lines = Array.from({ length: perItem }, (_, k) => {
        const at = `${stage} + ${area}u + (u32(${name}_place${round})${k === 0 ? '' : ` + ${k}u`}) * ${line}u + ${name}_quad${round}`;
        const value = `${name}_next${round * perItem + k}`;
        return `tile[${at}] = ${tileType === registerType ? value : `vec4<${tileType}>(${value})`};`;
      });
      return condition === null ? lines : [`if (${condition}) {`, ...lines, '}'];
    });
  }
}
