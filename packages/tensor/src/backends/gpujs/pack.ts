/** Kernels that read more arrays than a device lets them see at once: the smallest are put into one array before. */
import type { CellKernel, Slot, SlotInfo } from './steps.ts';

/** Cells of a value: integers have two planes. */
const cellCount = ({ dtype, planeSize }: SlotInfo): number => planeSize * (dtype === 'i32' ? 2 : 1);

export interface Packed {
  /** Copies arrays, one after the other, into a new one. */
  readonly pack: CellKernel;
  readonly packed: readonly Slot[];
  /** The kernel, reading the new array as its last argument, and its other inputs. */
  readonly kernel: CellKernel;
  readonly inputs: readonly Slot[];
  readonly cells: number;
}

/** Null where the kernel keeps to the limit. */
export function packInputs(
  kernel: CellKernel,
  inputs: readonly Slot[],
  limit: number,
  info: (slot: Slot) => SlotInfo,
): Packed | null {
  const allowed = limit - (kernel.usesSpecial ? 1 : 0);
  if (inputs.length <= allowed) return null;
  const bySize = inputs
    .map((_, k) => k)
    .sort((x, y) => cellCount(info(inputs[x] as Slot)) - cellCount(info(inputs[y] as Slot)));
  const chosen = bySize.slice(0, inputs.length - allowed + 1).sort((x, y) => x - y);
  const kept = inputs.map((_, k) => k).filter((k) => !chosen.includes(k));
  let offset = 0;
  const starts = new Map<number, number>();
  for (const k of chosen) {
    starts.set(k, offset);
    offset += cellCount(info(inputs[k] as Slot));
  }
  // Arguments are named by their number, and every load is written NAME[PLACE].
  const source = kernel.source.replace(/^function \([^)]*\)/, () => {
    const names = [...kept, kept.length].map((_, at) => `a${at}`);
    return `function (${[...names, ...(kernel.usesSpecial ? ['special'] : [])].join(', ')})`;
  });
  const loads = source.replace(/\ba(\d+)\[/g, (_, digits: string) => {
    const start = starts.get(Number(digits));
    return start === undefined ? `a${kept.indexOf(Number(digits))}[` : `a${kept.length}[${start} + `;
  });
  const last = chosen.at(-1) as number;
  const copies = chosen.map((k, at) => {
    const start = starts.get(k) as number;
    const load = `a${at}[this.thread.x - ${start}]`;
    return k === last ? load : `this.thread.x < ${start + cellCount(info(inputs[k] as Slot))} ? ${load} : `;
  });
  const names = chosen.map((_, at) => `a${at}`).join(', ');
  return {
    pack: {
      name: `${kernel.name}.pack`,
      source: `function (${names}) {\n  return (${copies.join('')});\n}`,
      output: [offset],
      usesSpecial: false,
      loopTurns: 0,
    },
    packed: chosen.map((k) => inputs[k] as Slot),
    kernel: { ...kernel, source: loads },
    inputs: kept.map((k) => inputs[k] as Slot),
    cells: offset,
  };
}
