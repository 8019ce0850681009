/** Packs the smallest arguments of a kernel into one array where the kernel reads more arrays than the device allows. */
import type { CellKernel, Slot, SlotInfo } from './steps.ts';

/** The number of cells of a value: integers have two planes. */
const cellCount = ({ dtype, planeSize }: SlotInfo): number => planeSize * (dtype === 'i32' ? 2 : 1);

export interface Packed {
  /** The kernel that concatenates the packed arrays. */
  readonly pack: CellKernel;
  readonly packed: readonly Slot[];
  /** The original kernel, changed so that it reads the new array as its last argument. */
  readonly kernel: CellKernel;
  /** Its other inputs. */
  readonly inputs: readonly Slot[];
  /** The length of the new array. */
  readonly cells: number;
}

/** Returns null where the kernel is within the limit. */
export function packInputs(
  kernel: CellKernel,
  inputs: readonly Slot[],
  limit: number,
  info: (slot: Slot) => SlotInfo,
): Packed | null {
  const allowed = limit - (kernel.usesSpecial ? 1 : 0);
  if (inputs.length <= allowed) return null;
  const arrays = inputs.map((slot, argument) => ({ slot, argument, cells: cellCount(info(slot)) }));
  const smallest = new Set(arrays.toSorted((x, y) => x.cells - y.cells).slice(0, inputs.length - allowed + 1));
  const kept = arrays.filter((array) => !smallest.has(array));
  let cells = 0;
  const packed = arrays
    .filter((array) => smallest.has(array))
    .map((array) => {
      const start = cells;
      cells += array.cells;
      return { ...array, start };
    });
  // Parameters are named by their position, and every load is written NAME[PLACE].
  const source = kernel.source.replace(/^function \([^)]*\)/, () => {
    const names = [...kept, packed].map((_, at) => `a${at}`);
    return `function (${[...names, ...(kernel.usesSpecial ? ['special'] : [])].join(', ')})`;
  });
  const loads = source.replace(/\ba(\d+)\[/g, (_, digits: string) => {
    const argument = Number(digits);
    const moved = packed.find((array) => array.argument === argument);
    return moved === undefined
      ? `a${kept.findIndex((array) => array.argument === argument)}[`
      : `a${kept.length}[${moved.start} + `;
  });
  const copies = packed.map((array, at) => {
    const load = `a${at}[this.thread.x - ${array.start}]`;
    return at === packed.length - 1 ? load : `this.thread.x < ${array.start + array.cells} ? ${load} : `;
  });
  const names = packed.map((_, at) => `a${at}`).join(', ');
  return {
    pack: {
      name: `${kernel.name}.pack`,
      source: `function (${names}) {\n  return (${copies.join('')});\n}`,
      output: [cells],
      usesSpecial: false,
      loopTurns: 0,
    },
    packed: packed.map(({ slot }) => slot),
    kernel: { ...kernel, source: loads },
    inputs: kept.map(({ slot }) => slot),
    cells,
  };
}
