/**
 * The timeline of a step for chrome://tracing and https://ui.perfetto.dev, in the Trace Event Format: complete events ('X') for the
 * kernels, with one row per thread, and a counter ('C') for the memory of temporaries.
 */
import type { CompiledProgram, KernelSpan } from '@tessera/tensor';
import { planMemory } from './plan-memory.ts';
import { shapeOf } from './profile.ts';

export interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  readonly ph: 'X' | 'C' | 'M';
  /** Microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid?: number;
  readonly args?: Readonly<Record<string, string | number>>;
}

export interface TraceSummary {
  /** The time from the start of the first kernel to the end of the last. */
  readonly milliseconds: number;
  /** Fraction of the threads' total time that was spent in kernels. The rest was waiting for other threads. */
  readonly busy: number;
}

const micro = 1000;

/** The timeline of one run of a program. */
export function traceEvents(label: string, { plan }: CompiledProgram, spans: readonly KernelSpan[]): TraceEvent[] {
  const kernels = plan.stages.flat();
  const origin = Math.min(...spans.map(({ start }) => start));
  const threads = [...new Set(spans.map(({ thread }) => thread))];
  const { live } = planMemory(plan);
  const names: TraceEvent[] = [
    { name: 'process_name', ph: 'M', pid: 1, args: { name: label } },
    ...threads.map(
      (tid): TraceEvent => ({ name: 'thread_name', ph: 'M', pid: 1, tid, args: { name: `thread ${tid}` } }),
    ),
  ];
  const work = spans.flatMap(({ kernel: index, thread, start, end, operations }): TraceEvent[] => {
    const kernel = kernels[index];
    if (kernel === undefined) return [];
    const event: TraceEvent = {
      name: kernel.name,
      cat: kernel.kind,
      ph: 'X',
      ts: (start - origin) * micro,
      dur: (end - start) * micro,
      pid: 1,
      tid: thread,
      args: {
        kernel: index,
        shape: shapeOf(kernel),
        'GFLOP/s': Math.round(operations / threads.length / (end - start) / 1e4) / 100,
      },
    };
    return [event];
  });
  const memory = spans
    .filter(({ thread }) => thread === threads[0])
    .map(({ kernel, start }): TraceEvent => {
      const megabytes = Math.round((live[kernel] ?? 0) / 1e4) / 100;
      return { name: 'temporaries', ph: 'C', ts: (start - origin) * micro, pid: 1, args: { MB: megabytes } };
    });
  return [...names, ...work, ...memory];
}

/** Summarizes a run. */
export function summarizeTrace(spans: readonly KernelSpan[]): TraceSummary {
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(...spans.map((span) => span.end));
  const threads = new Set(spans.map(({ thread }) => thread)).size;
  const work = spans.reduce((sum, span) => sum + span.end - span.start, 0);
  return { milliseconds: end - start, busy: work / (threads * (end - start)) };
}
