/** The memory of a plan's temporaries over time. */
import type { CompiledProgram } from '@tessera/tensor';
import { bytesOf, lifetimesOf } from '@tessera/tensor/backend';

type Plan = CompiledProgram['plan'];

export interface PlanMemory {
  /** The bytes of temporaries that are alive while each kernel runs. */
  readonly live: readonly number[];
  /** The largest of these: a lower bound for every arrangement. */
  readonly lowerBound: number;
  /** The size of the plan's arrangement. */
  readonly arenaBytes: number;
}

const alignment = 64;

/** Computes the memory of temporaries at each kernel of a plan. A buffer is alive from its first use to its last. */
export function planMemory({ stages, buffers, arenaBytes }: Plan): PlanMemory {
  const kernels = stages.flat();
  const lifetimes = [...lifetimesOf(kernels.map((kernel) => [kernel]))].flatMap(([index, { from, to }]) => {
    const buffer = buffers[index];
    if (buffer?.place.kind !== 'arena') return [];
    const bytes = Math.ceil((buffer.length * bytesOf(buffer.dtype)) / alignment) * alignment;
    return [{ from, to, bytes: Math.max(alignment, bytes) }];
  });
  const live = kernels.map((_, k) =>
    lifetimes.reduce((sum, { from, to, bytes }) => (from <= k && k <= to ? sum + bytes : sum), 0),
  );
  return { live, lowerBound: live.reduce((most, bytes) => Math.max(most, bytes), 0), arenaBytes };
}
