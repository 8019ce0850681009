/** Plans: all that a backend is told about a program, namely its kernels in order, and where each buffer lives. */
import { type Collective, formatCollective } from './collective.ts';
import { bytesOf, type DType } from './dtype.ts';
import { accessesOf, type Kernel } from './kernel.ts';
import { lifetimesOf } from './temporaries.ts';

/** Where a buffer of a plan lives: in memory that the caller brings, or at a place in the plan's own arena. */
export type Place =
  /** `byteOffset`, by default 0, is that of a buffer in the memory which a program with exchanges brings: see `Exchanges`. */
  | { readonly kind: 'external'; readonly index: number; readonly byteOffset?: number }
  | { readonly kind: 'arena'; readonly byteOffset: number };

export interface PlannedBuffer {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
  readonly place: Place;
}

/**
 * Kernels in the order in which they run, and where each buffer lives. Kernels of one stage neither read nor overwrite what another
 * of that stage writes: a backend needs to wait only between stages.
 */
export interface Plan {
  readonly buffers: readonly PlannedBuffer[];
  readonly stages: readonly (readonly Kernel[])[];
  readonly arenaBytes: number;
  readonly externalCount: number;
}

/** An exchange with other ranks, from one buffer of a plan to another. Both are external. */
export interface PlannedCollective {
  readonly collective: Collective;
  readonly source: number;
  readonly out: number;
  /** Elements of the source and of the result, which start where the buffers do. */
  readonly lengths: readonly [source: number, out: number];
  /** The number of the stage before which it takes place; that of all stages for one at the end. */
  readonly before: number;
}

/** The exchanges of a program with other ranks, in order, and what they need. */
export interface Exchanges {
  readonly collectives: readonly PlannedCollective[];
  /**
   * The sizes, in bytes, of the plan's last external buffers, which the program allocates itself for each run. With exchanges they contain all
   * temporaries, instead of the arena, so that the stages between two exchanges are a plan of their own.
   */
  readonly pages: readonly number[];
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** A plan as text, for people. `externals[i]` says what external buffer i is. */
export function formatPlan(
  { buffers, stages, arenaBytes, externalCount }: Plan,
  externals: readonly string[] = [],
  collectives: readonly PlannedCollective[] = [],
): string {
  const lifetimes = lifetimesOf(stages);
  const bufferLines = buffers.map(({ dtype, length, place }, buffer) => {
    const bytes = length * bytesOf(dtype);
    const lifetime = lifetimes.get(buffer);
    const where =
      place.kind === 'external'
        ? `external ${place.index}${place.byteOffset === undefined ? '' : ` from ${place.byteOffset}`}${externals[place.index] === undefined ? '' : ` (${externals[place.index]})`}`
        : `arena ${place.byteOffset}..${place.byteOffset + bytes}`;
    const when = lifetime === undefined ? 'unused' : `stages ${lifetime.from} to ${lifetime.to}`;
    return `b${buffer}: ${dtype} x ${length}, ${counted(bytes, 'byte')}, ${where}, ${when}`;
  });
  const listed = (list: readonly { readonly buffer: number }[]): string =>
    [...new Set(list.map(({ buffer }) => `b${buffer}`))].join(' ');
  let number = 0;
  const exchangeLines = (stage: number): string[] =>
    collectives
      .filter(({ before }) => before === stage)
      .map(({ collective, source, out }) => `${formatCollective(collective)}: reads b${source}, writes b${out}`);
  const stageLines = stages.flatMap((kernels, stage) => [
    ...exchangeLines(stage),
    `stage ${stage}`,
    ...kernels.map((kernel) => {
      const { reads, writes } = accessesOf(kernel);
      return `  k${number++} ${kernel.name}: reads ${listed(reads) || 'nothing'}, writes ${listed(writes)}`;
    }),
  ]);
  const kernels = `${counted(stages.flat().length, 'kernel')} in ${counted(stages.length, 'stage')}`;
  const memory = `${counted(externalCount, 'external buffer')}, arena of ${counted(arenaBytes, 'byte')}`;
  return [`${kernels}, ${memory}`, ...bufferLines, ...stageLines, ...exchangeLines(stages.length)].join('\n');
}
