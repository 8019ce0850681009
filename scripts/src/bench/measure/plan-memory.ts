import { bytesOf, type CompiledProgram, lifetimesOf } from '@tessera/tensor';

type Plan = CompiledProgram['plan'];

export interface PlanMemory {
  /** Bytes of temporaries that are alive while each kernel runs. */
  readonly live: readonly number[];
  /** The most of these: no arrangement needs less. */
  readonly lowerBound: number;
  /** What the plan's arrangement needs. */
  readonly arenaBytes: number;
}

const alignment = 64;

/** How many bytes of temporaries live at each kernel of a plan: from a buffer's first use to its last. */
export function planMemory({ stages, buffers, arenaBytes }: Plan): PlanMemory {
  const kernels = stages.flat();
  const live = kernels.map(() => 0);
  for (const [buffer, { from, to }] of lifetimesOf(kernels.map((kernel) => [kernel]))) {
    const { place, dtype, length } = buffers[buffer] as Plan['buffers'][number];
    if (place.kind !== 'arena') continue;
    const bytes = Math.max(alignment, Math.ceil((length * bytesOf(dtype)) / alignment) * alignment);
    for (let k = from; k <= to; k++) live[k] = (live[k] as number) + bytes;
  }
  return { live, lowerBound: live.reduce((most, bytes) => Math.max(most, bytes), 0), arenaBytes };
}
