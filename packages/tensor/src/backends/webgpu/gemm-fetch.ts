/** How an operand's tiles come from memory into registers, and from there into workgroup memory. */
import {
  conditionOf,
  type ProductOperand,
  positionOf,
  readsVectors,
  type Terms,
  termStatements,
} from './contract-operand.ts';
import type { WgslDialect } from './wgsl.ts';

export interface TileSide {
  /** `a` or `b`: starts the names of everything. */
  readonly name: string;
  readonly operand: ProductOperand;
  /** All rows (or columns) of the operand, and those of a tile. */
  readonly total: number;
  readonly tile: number;
  /** Where the operand's part of a stage starts, and how far apart its lines are, in quads. A line holds one place of the sum. */
  readonly area: number;
  readonly line: number;
}

export interface FetchSettings {
  readonly depth: number;
  readonly invocations: number;
  /** Terms of each sum. */
  readonly terms: number;
  /** WGSL's type of an element in workgroup memory, and in a register. */
  readonly tileType: string;
  readonly registerType: string;
}

/** What one invocation loads in one round: a quad of rows at one place in the sum, or 4 by 4 elements. */
interface Item {
  /** Expressions of the invocation's number: the quad of rows, and the (first) place in the sum. */
  readonly quad: string;
  readonly place: string;
  /** Null where every invocation takes part. */
  readonly condition: string | null;
}

/** Lanes that one access of workgroup memory serves: they should meet different banks. */
const lanesAtOnce = 8;

const over = (text: string, divisor: number): string => (divisor === 1 ? text : `${text} / ${divisor}u`);

export class TileFetch {
  readonly #dialect: WgslDialect;
  readonly #side: TileSide;
  readonly #settings: FetchSettings;
  readonly #items: readonly Item[];
  readonly #square: boolean;
  /** By item: the terms of its rows, one or four. */
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
      // Where rounds repeat a remainder, all of them share what is computed from it.
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

  /** Statements before the walk along the sum. `lane`, `tile_start` (the tile's first row, i32) and `batch` are names of the caller. */
  prepare(lane: string, tileStart: string, batch: string): string[] {
    const { name, operand, total, tile } = this.#side;
    const lines = [`let ${name}_lane = ${lane};`];
    const ofBatch = termStatements(this.#dialect, operand.batch, batch, `${name}_batch`);
    lines.push(...ofBatch.lines);
    this.#batchTerms = ofBatch.terms;
    const rows = operand.mode === 'rowVectors' ? 1 : 4;
    const known = new Map<string, Terms[]>();
    this.#items.forEach(({ quad, place }, round) => {
      lines.push(`let ${name}_quad${round} = ${quad};`, `let ${name}_place${round} = i32(${place});`);
      const before = known.get(quad);
      if (before !== undefined) {
        this.#rowTerms.push(before);
        return;
      }
      const terms = Array.from({ length: rows }, (_, row) => {
        const flat = `${name}_row${round}_${row}`;
        const index = `${tileStart} + i32(${name}_quad${round}) * 4${row === 0 ? '' : ` + ${row}`}`;
        // Rows beyond the last one repeat it; what they give is not stored.
        const lastStart = operand.mode === 'rowVectors' ? total - 4 : total - 1;
        const own = termStatements(this.#dialect, operand.rows, flat, flat);
        if (own.lines.length > 0)
          lines.push(`let ${flat} = ${total % tile === 0 ? index : `min(${index}, ${lastStart})`};`, ...own.lines);
        return own.terms;
      });
      known.set(quad, terms);
      this.#rowTerms.push(terms);
    });
    for (const register of this.#registers()) lines.push(`var ${register} = vec4<${this.#settings.registerType}>();`);
    return lines;
  }

  /** Registers that hold quads of rows on the way. */
  #registers(): string[] {
    const perItem = this.#square ? 4 : 1;
    return this.#items.flatMap((_, round) =>
      Array.from({ length: perItem }, (__, k) => `${this.#side.name}_next${round * perItem + k}`),
    );
  }

  /** Statements that load a tile which starts at `start` in the sum. Beyond the sum's end it is 0. */
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
    const rowTerms = this.#rowTerms[round];
    // Without branches, so that loads do not wait for each other: what must not be read is read from the buffer's start.
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
      load(`${name}_value${round}`, rowTerms[0], `${quad}()`, vector);
      return [...lines, `${name}_next${round} = ${name}_value${round};`];
    }
    const values = rowTerms.map((_, row) => `${name}_value${round}_${row}`);
    const square = readsVectors(operand);
    rowTerms.forEach((row, k) => {
      load(values[k], row, square ? `${quad}()` : `${registerType}()`, square ? vector : element);
    });
    if (!square) return [...lines, `${name}_next${round} = ${quad}(${values.join(', ')});`];
    return [
      ...lines,
      ...[0, 1, 2, 3].map(
        (k) => `${name}_next${4 * round + k} = ${quad}(${values.map((value) => `${value}[${k}]`).join(', ')});`,
      ),
    ];
  }

  /** Statements that move what was loaded into workgroup memory; `stage` is where the stage starts, in quads. */
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
