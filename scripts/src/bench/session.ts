/** Timing one work on all engines in turn. */
import { type Engine, type PreparedWork, UnsupportedWork } from './engine.ts';
import { planMemory } from './measure/plan-memory.ts';
import { type RaceOptions, race } from './measure/race.ts';
import { pairedRatio, summarize, type Timing } from './measure/statistics.ts';
import type { PreparedTessera, TesseraEngine } from './tessera.ts';
import { disagreement } from './values.ts';
import { labelOf, operationsOf, type Work } from './work.ts';

/** The result of one engine for one work. */
export interface Entry extends Timing {
  readonly library: string;
  readonly version: string;
  readonly variant: string;
  readonly threads: number;
  /** 10^9 floating-point operations per second, at the median time. */
  readonly gflops: number;
  /** Its time divided by our time, the median over paired rounds: above 1, Tessera is faster. 1 for Tessera. */
  readonly ratio: number;
  /** How its result differs from ours; null if they agree. */
  readonly disagreement: string | null;
}

export interface Row {
  readonly label: string;
  readonly work: Work;
  /** Floating-point operations of matrix products and convolutions. */
  readonly operations: number;
  readonly kernels: number;
  readonly arenaBytes: number;
  /** The largest number of bytes of temporaries that are alive at the same time: a lower bound for every plan. */
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
  /** Reports progress. */
  readonly say: (line: string) => void;
}

interface Entrant {
  readonly engine: Engine;
  readonly prepared: PreparedWork;
}

/** Times one work on Tessera and on every peer that supports it, in turn. */
export async function measureWork(
  { ours, peers, race: options, say }: Session,
  work: Work,
  inspect: (prepared: PreparedTessera) => Promise<void> = async () => undefined,
): Promise<Row> {
  const label = labelOf(work);
  say(`  ${label}`);
  const own = await ours.prepare(work);
  const us: Entrant = { engine: ours, prepared: own };
  const others: Entrant[] = [];
  const unsupported = new Map<string, string>();
  try {
    for (const engine of peers) {
      if (engine.kinds?.includes(work.kind) === false) continue;
      try {
        others.push({ engine, prepared: await engine.prepare(work) });
      } catch (error) {
        const { message } = error as Error;
        unsupported.set(engine.library, error instanceof UnsupportedWork ? message : `failed: ${message}`);
      }
    }
    const times = await race(
      [us, ...others].map(({ prepared }) => prepared),
      options,
    );
    const operations = operationsOf(work) ?? own.operations;
    const entryOf = ({ engine, prepared }: Entrant, k: number): Entry => {
      const timing = summarize(times[k]?.times ?? []);
      const { library, version, variant, threads } = engine;
      return {
        ...{ library, version, variant, threads, ...timing },
        gflops: operations / timing.medianMs / 1e6,
        ratio: k === 0 ? 1 : pairedRatio(times[k]?.rounds ?? [], times[0]?.rounds ?? []),
        disagreement: disagreement(own.check, prepared.check),
      };
    };
    await inspect(own);
    const { kernels, arenaBytes, compileMs, slowKernels } = own;
    return {
      ...{ label, work, operations, kernels, arenaBytes, compileMs, slowKernels },
      liveBytes: planMemory(own.program.plan).lowerBound,
      ours: entryOf(us, 0),
      peers: others.map((entrant, k) => entryOf(entrant, k + 1)),
      unsupported: [...unsupported].map(([library, reason]) => ({ library, reason })),
    };
  } finally {
    for (const { prepared } of [us, ...others]) await prepared.release();
  }
}

/** The fastest thread setting of each library, by the median time. */
export function bestOfEach(entries: readonly Entry[]): Entry[] {
  const best = new Map<string, Entry>();
  for (const entry of entries) {
    const known = best.get(entry.library);
    if (known === undefined || entry.medianMs < known.medianMs) best.set(entry.library, entry);
  }
  return [...best.values()];
}

/** A rate, and where it was reached. */
export interface Peak {
  readonly gflops: number;
  readonly library: string;
  readonly version: string;
  readonly threads: number;
  readonly label: string;
}

/** The highest rate of a matrix product in these rows, of any library, at its fastest run. */
export function peakOf(rows: readonly Row[]): Peak | null {
  const rates = rows.flatMap(({ label, operations, ours, peers }) =>
    [ours, ...peers].map(({ library, version, threads, minMs }) => ({
      gflops: operations / minMs / 1e6,
      ...{ library, version, threads, label },
    })),
  );
  return rates.reduce<Peak | null>((best, rate) => (best === null || rate.gflops > best.gflops ? rate : best), null);
}
