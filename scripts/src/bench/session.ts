import { type Engine, type PreparedWork, UnsupportedWork } from './engine.ts';
import { planMemory } from './measure/plan-memory.ts';
import { type RaceOptions, race } from './measure/race.ts';
import { pairedRatio, summarize, type Timing } from './measure/statistics.ts';
import type { PreparedTessera, TesseraEngine } from './tessera.ts';
import { disagreement } from './values.ts';
import { labelOf, operationsOf, type Work } from './work.ts';

/** One engine's result for one work. */
export interface Entry extends Timing {
  readonly library: string;
  readonly version: string;
  readonly variant: string;
  readonly threads: number;
  /** 10^9 floating-point operations a second, by the median time. */
  readonly gflops: number;
  /** Its time / our time, the median of paired rounds: above 1 we are faster. 1 for ourselves. */
  readonly ratio: number;
  /** How its result differs from ours; null: the same work was done. */
  readonly disagreement: string | null;
}

export interface Row {
  readonly label: string;
  readonly work: Work;
  /** Floating-point operations of matrix products and convolutions. */
  readonly operations: number;
  readonly kernels: number;
  readonly arenaBytes: number;
  /** The most bytes of temporaries that are alive at once: no plan needs less than this. */
  readonly liveBytes: number;
  readonly compileMs: number;
  readonly slowKernels: PreparedTessera['slowKernels'];
  readonly ours: Entry;
  readonly peers: readonly Entry[];
  readonly unsupported: readonly { readonly library: string; readonly reason: string }[];
}

export interface Session {
  readonly ours: TesseraEngine;
  readonly peers: readonly Engine[];
  readonly race: RaceOptions;
  /** Tells a person how far the run is. */
  readonly say: (line: string) => void;
}

interface Entrant {
  readonly engine: Engine;
  readonly prepared: PreparedWork;
}

/** Times one work on our side and on every peer that can do it, in turns. */
export async function measureWork(
  { ours, peers, race: options, say }: Session,
  work: Work,
  inspect: (prepared: PreparedTessera) => Promise<void> = async () => undefined,
): Promise<Row> {
  const label = labelOf(work);
  say(`  ${label}`);
  const own = await ours.prepare(work);
  const entrants: Entrant[] = [{ engine: ours, prepared: own }];
  const unsupported = new Map<string, string>();
  try {
    for (const engine of peers) {
      if (engine.kinds?.includes(work.kind) === false) continue;
      try {
        entrants.push({ engine, prepared: await engine.prepare(work) });
      } catch (error) {
        const { message } = error as Error;
        unsupported.set(engine.library, error instanceof UnsupportedWork ? message : `failed: ${message}`);
      }
    }
    const times = await race(
      entrants.map(({ prepared }) => prepared),
      options,
    );
    const operations = operationsOf(work) ?? own.operations;
    const [first, ...rest] = entrants.map(({ engine, prepared }, k): Entry => {
      const timing = summarize(times[k]?.times ?? []);
      const { library, version, variant, threads } = engine;
      return {
        ...{ library, version, variant, threads, ...timing },
        gflops: operations / timing.medianMs / 1e6,
        ratio: k === 0 ? 1 : pairedRatio(times[k]?.rounds ?? [], times[0]?.rounds ?? []),
        disagreement: disagreement(own.check, prepared.check),
      };
    });
    await inspect(own);
    const { kernels, arenaBytes, compileMs, slowKernels } = own;
    return {
      ...{ label, work, operations, kernels, arenaBytes, compileMs, slowKernels },
      liveBytes: planMemory(own.program.plan).lowerBound,
      ours: first as Entry,
      peers: rest,
      unsupported: [...unsupported].map(([library, reason]) => ({ library, reason })),
    };
  } finally {
    for (const { prepared } of entrants) await prepared.release();
  }
}

/** The fastest setting of each library, by the median. */
export function bestOfEach(entries: readonly Entry[]): Entry[] {
  const best = new Map<string, Entry>();
  for (const entry of entries) {
    const known = best.get(entry.library);
    if (known === undefined || entry.medianMs < known.medianMs) best.set(entry.library, entry);
  }
  return [...best.values()];
}

export interface Peak {
  readonly gflops: number;
  readonly library: string;
  readonly version: string;
  readonly threads: number;
  readonly label: string;
}

/** The machine's highest rate among matrix products of this run, whoever reached it, by each one's fastest run. */
export function peakOf(rows: readonly Row[]): Peak | null {
  const rates = rows.flatMap(({ label, operations, ours, peers }) =>
    [ours, ...peers].map(({ library, version, threads, minMs }) => ({
      gflops: operations / minMs / 1e6,
      ...{ library, version, threads, label },
    })),
  );
  return rates.reduce<Peak | null>((best, rate) => (best === null || rate.gflops > best.gflops ? rate : best), null);
}
