import { bytesOf, type CompiledProgram } from '@tessera/tensor';

type Plan = CompiledProgram['plan'];
type Kernel = Plan['stages'][number][number];

export interface PlanMemory {
  /** Bytes of temporaries that are alive while each kernel runs. */
  readonly live: readonly number[];
  /** The most of these: no arrangement needs less. */
  readonly lowerBound: number;
  /** What the plan's arrangement needs. */
  readonly arenaBytes: number;
}

const alignment = 64;

/** The numbers of all buffers that a kernel touches. */
function buffersOf(kernel: Kernel): Set<number> {
  const programOf = ({ instructions, stores }: Extract<Kernel, { kind: 'loop' }>['program']): number[] => [
    ...instructions.flatMap((instruction) =>
      instruction.op === 'load' || instruction.op === 'gather' ? [instruction.access.buffer] : [],
    ),
    ...stores.map(({ access }) => access.buffer),
  ];
  switch (kernel.kind) {
    case 'loop':
      return new Set(programOf(kernel.program));
    case 'contract':
      return new Set([kernel.a.buffer, kernel.b.buffer, ...programOf(kernel.epilogue)]);
    case 'scatterAdd':
      return new Set([kernel.values.buffer, kernel.index.buffer, kernel.out]);
    default:
      return kernel satisfies never;
  }
}

/** How many bytes of temporaries live at each kernel of a plan: from a buffer's first use to its last. */
export function planMemory({ stages, buffers, arenaBytes }: Plan): PlanMemory {
  const kernels = stages.flat();
  const uses = new Map<number, { first: number; last: number }>();
  kernels.forEach((kernel, k) => {
    for (const buffer of buffersOf(kernel)) {
      const known = uses.get(buffer);
      if (known === undefined) uses.set(buffer, { first: k, last: k });
      else known.last = k;
    }
  });
  const live = kernels.map(() => 0);
  for (const [buffer, { first, last }] of uses) {
    const { place, dtype, length } = buffers[buffer] as Plan['buffers'][number];
    if (place.kind !== 'arena') continue;
    const bytes = Math.max(alignment, Math.ceil((length * bytesOf(dtype)) / alignment) * alignment);
    for (let k = first; k <= last; k++) live[k] = (live[k] as number) + bytes;
  }
  return { live, lowerBound: live.reduce((most, bytes) => Math.max(most, bytes), 0), arenaBytes };
}
