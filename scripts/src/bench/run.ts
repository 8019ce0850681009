/** The benchmarks of the command line: runs them, prints tables, and collects one report. */
import type { PresetName } from '@tessera/models';
import type { Backend } from '@tessera/tensor';
import { type ClipStepRow, measureClipStep } from './benchmarks/clip-step.ts';
import { type DashboardReport, measureDashboard } from './benchmarks/dashboard.ts';
import { type DataReport, measureData } from './benchmarks/data.ts';
import { type EvaluationReport, measureEvaluation } from './benchmarks/evaluation.ts';
import { type FollowerReport, measureFollower } from './benchmarks/follower.ts';
import { type LoaderReport, measureLoaders } from './benchmarks/loader.ts';
import { type MemoryRow, measureMemory } from './benchmarks/memory.ts';
import { measurePeakMemory, type PeakMemoryRow } from './benchmarks/peak-memory.ts';
import { attentionWorks, convWorks, gemmWorks, peakWork } from './benchmarks/products.ts';
import { measureRuntimes, type RuntimesReport } from './benchmarks/runtimes.ts';
import { measureScaling, type ScalingReport } from './benchmarks/scaling.ts';
import { measureStart, type StartRow } from './benchmarks/start.ts';
import type { RaceOptions } from './measure/race.ts';
import { measureRoof, type Roof } from './measure/roofline.ts';
import { type MissingPeer, type PeerName, type Peers, startPeers } from './peers/start.ts';
import { formatDashboard, formatFollower } from './report/dashboard.ts';
import {
  type BackendFacts,
  backendFacts,
  formatEnvironment,
  formatPeak,
  type MachineFacts,
  machineFacts,
  type Participant,
  participants,
} from './report/environment.ts';
import { formatEvaluation } from './report/evaluation.ts';
import { differingPixels, formatLoaders } from './report/loader.ts';
import { differingLosses, formatPeakMemory } from './report/peak-memory.ts';
import { formatRuntimes } from './report/runtimes.ts';
import { formatScaling } from './report/scaling.ts';
import { formatStart } from './report/start.ts';
import { formatClipStep, formatData, formatMemory, formatProducts, formatRates } from './report/tables.ts';
import { bestOfEach, type Entry, measureWork, type Peak, peakOf, type Row, type Session } from './session.ts';
import { tesseraEngine } from './tessera.ts';
import type { Work } from './work.ts';

export const benchmarkNames = [
  ...(['gemm', 'conv', 'attention', 'clip-step', 'data'] as const),
  ...(['evaluation', 'loader', 'start', 'memory', 'peak-memory', 'scaling', 'dashboard', 'runtimes'] as const),
] as const;
type BenchmarkName = (typeof benchmarkNames)[number];

/** Benchmarks that run only on request, because they take minutes. */
export const onRequest: readonly BenchmarkName[] = [
  ...(['evaluation', 'loader', 'start', 'memory'] as const),
  ...(['peak-memory', 'scaling', 'dashboard', 'runtimes'] as const),
];

/** Benchmarks that are not compared with the peak rate and not run in turn with peers. */
const untimed: readonly BenchmarkName[] = [
  ...(['data', 'loader', 'start', 'memory', 'peak-memory', 'scaling', 'dashboard', 'runtimes'] as const),
];

export interface BenchOptions {
  readonly benchmarks: readonly BenchmarkName[];
  readonly peers: readonly PeerName[];
  /** The largest number of threads of peers. */
  readonly threads: number;
  /** Models of clip-step. */
  readonly presets: readonly PresetName[];
  /** Models of evaluation. */
  readonly evaluationPresets: readonly PresetName[];
  /** Models of start. */
  readonly startPresets: readonly PresetName[];
  /** Models of peak-memory. */
  readonly peakPresets: readonly PresetName[];
  readonly batch: number;
  /** The batch size of peak-memory. */
  readonly peakBatch: number;
  /** Measurement rounds; null: the default of each benchmark. */
  readonly rounds: number | null;
  readonly profile: boolean;
  /** File for the timeline of a clip-step; null: none. With several presets, the preset's name is added to the file name. */
  readonly trace: string | null;
  /** Folder of the dataset for `data` and `evaluation`; null: generated drawings. */
  readonly dataset: string | null;
  /** Tessera's version. */
  readonly version: string;
}

/** A row with derived figures. */
type Judged<R extends Row = Row> = R & {
  /** Our rate divided by the machine's peak. */
  readonly mfu: number;
  /** The fastest thread setting of each library. */
  readonly best: Readonly<Record<string, Entry>>;
};

/** The JSON document of `--json`. */
export interface BenchReport {
  readonly tessera: string;
  readonly started: string;
  readonly machine: MachineFacts;
  readonly backend: BackendFacts;
  readonly peers: readonly Participant[];
  readonly notInstalled: readonly MissingPeer[];
  /** The highest rate of a matrix product in this run. */
  readonly peak: Peak | null;
  /** Our rate divided by that of OpenBLAS at its fastest setting, for 1008 x 1008 matrices; null without OpenBLAS. */
  readonly gemm1008OfOpenBLAS: number | null;
  /** The rates of one thread, measured for --profile. */
  readonly roof: Roof | null;
  readonly gemm: readonly Judged[];
  readonly conv: readonly Judged[];
  readonly attention: readonly Judged[];
  readonly 'clip-step': readonly Judged<ClipStepRow>[];
  readonly data: DataReport | null;
  readonly evaluation: EvaluationReport | null;
  readonly loader: LoaderReport | null;
  readonly start: readonly StartRow[];
  readonly memory: readonly MemoryRow[];
  readonly 'peak-memory': readonly PeakMemoryRow[];
  readonly scaling: ScalingReport | null;
  readonly dashboard: (DashboardReport & { readonly followed: FollowerReport }) | null;
  readonly runtimes: RuntimesReport | null;
  /** Results of peers that differ from ours. */
  readonly disagreements: readonly string[];
}

/** A contestant that is much slower than the others stops when its time budget is used up. */
const productRace: RaceOptions = { rounds: 15, budgetMs: 3000 };
const stepRace: RaceOptions = { rounds: 10, budgetMs: 40_000, warmUpMs: 400 };

export interface BenchOutput {
  /** Prints a table as soon as it is complete. */
  print(text: string): void;
  /** Reports progress. */
  say(line: string): void;
}

/** Runs the benchmarks that `options` names. */
export async function runBenchmarks(
  backend: Backend,
  options: BenchOptions,
  output: BenchOutput,
): Promise<BenchReport> {
  const timed = options.benchmarks.some((name) => !untimed.includes(name));
  if (timed && options.peers.length > 0) output.say('starting other libraries');
  const peers = await startPeers(timed ? options.peers : [], options.threads, output.say);
  try {
    return await measureAll(backend, options, output, peers, timed);
  } finally {
    await peers.close();
  }
}

async function measureAll(
  backend: Backend,
  options: BenchOptions,
  { print, say }: BenchOutput,
  { engines, missing }: Peers,
  timed: boolean,
): Promise<BenchReport> {
  const started = new Date().toISOString();
  const wants = (name: BenchmarkName): boolean => options.benchmarks.includes(name);
  const ours = tesseraEngine(backend, options.version);
  const sessionOf = (race: RaceOptions): Session => ({
    ...{ ours, peers: engines, say },
    race: options.rounds === null ? race : { ...race, rounds: options.rounds },
  });
  const measure = async (works: readonly Work[]): Promise<Row[]> => {
    const rows: Row[] = [];
    for (const work of works) rows.push(await measureWork(sessionOf(productRace), work));
    return rows;
  };
  const facts = { machine: machineFacts(), backend: backendFacts(backend), peers: participants(engines) };
  print(formatEnvironment(facts.machine, facts.backend, facts.peers));

  // The product of 1008 x 1008 matrices always comes first, because other rates are compared with the peak.
  if (timed) say('gemm');
  const gemm = timed ? await measure(wants('gemm') ? [peakWork, ...gemmWorks] : [peakWork]) : [];
  const peak = peakOf(gemm);
  const rate = peak?.gflops ?? Number.NaN;
  if (peak !== null) print(formatPeak(peak));
  if (gemm[0] !== undefined) print(formatRates(gemm[0]));
  if (wants('gemm')) print(formatProducts('gemm: products of f32 matrices', gemm, rate));

  const products = async (name: BenchmarkName, title: string, works: readonly Work[]): Promise<Row[]> => {
    if (!wants(name)) return [];
    say(name);
    const rows = await measure(works);
    print(formatProducts(title, rows, rate));
    return rows;
  };
  const conv = await products('conv', 'conv: convolutions and their gradients', convWorks);
  const attention = await products(
    'attention',
    'attention: softmax(q kᵀ / sqrt(width)) v, its gradients',
    attentionWorks,
  );

  const steps: ClipStepRow[] = [];
  let roof: Roof | null = null;
  if (wants('clip-step')) {
    say('clip-step');
    const { batch, profile, trace, presets } = options;
    const fileFor = (preset: string): string | null =>
      trace === null || presets.length === 1 ? trace : trace.replace(/(\.[^.]*)?$/, `-${preset.replace('/', '-')}$1`);
    for (const preset of presets)
      steps.push(await measureClipStep(sessionOf(stepRace), { preset, batch, profile, traceFile: fileFor(preset) }));
    roof = profile ? await measureRoof() : null;
    print(formatClipStep(steps, rate, roof));
  }
  let data: DataReport | null = null;
  if (wants('data')) {
    say('data');
    data = await measureData(options.dataset, say);
    print(formatData(data));
  }
  let evaluation: EvaluationReport | null = null;
  if (wants('evaluation')) {
    say('evaluation');
    const { evaluationPresets, dataset, threads } = options;
    evaluation = await measureEvaluation({ presets: evaluationPresets, dataset, threads, peak: rate, say });
    print(formatEvaluation(evaluation));
  }
  let start: StartRow[] = [];
  if (wants('start')) {
    say('start');
    start = await measureStart(options.startPresets, options.batch, options.rounds ?? 5, say);
    print(formatStart(start));
  }
  let loader: LoaderReport | null = null;
  if (wants('loader')) {
    say('loader');
    const { version, threads: workers, rounds, peers } = options;
    const withTorch = peers.includes('pytorch');
    loader = await measureLoaders(version, { workers, rounds: rounds ?? 5, withTorch, say });
    print(formatLoaders(loader));
  }

  let memory: MemoryRow[] = [];
  if (wants('memory')) {
    say('memory');
    memory = await measureMemory(say);
    print(formatMemory(memory));
  }

  let peakMemory: PeakMemoryRow[] = [];
  if (wants('peak-memory')) {
    say('peak-memory');
    const { peakPresets, peakBatch, threads } = options;
    const withTorch = options.peers.includes('pytorch');
    peakMemory = await measurePeakMemory({ presets: peakPresets, batch: peakBatch, threads, withTorch, say });
    print(formatPeakMemory(peakMemory));
  }

  let scaling: ScalingReport | null = null;
  if (wants('scaling')) {
    say('scaling');
    scaling = await measureScaling(options.threads, options.rounds ?? 5, options.version, say);
    print(formatScaling(scaling));
  }

  let dashboard: (DashboardReport & { readonly followed: FollowerReport }) | null = null;
  if (wants('dashboard')) {
    say('dashboard');
    const opened = await measureDashboard({ runs: 100, steps: 100_000, say });
    print(formatDashboard(opened));
    const followed = await measureFollower({ rounds: options.rounds ?? 8, say });
    print(formatFollower(followed));
    dashboard = { ...opened, followed };
  }

  let runtimes: RuntimesReport | null = null;
  if (wants('runtimes')) {
    say('runtimes');
    runtimes = await measureRuntimes(options.presets[0] ?? 'vit-tiny-64', options.batch, options.rounds ?? 15, say);
    print(formatRuntimes(runtimes));
  }

  const judge = <R extends Row>(row: R): Judged<R> => ({ ...row, mfu: row.ours.gflops / rate, best: bestOf(row) });
  const blas = gemm[0] === undefined ? undefined : bestOf(gemm[0]).OpenBLAS;
  const report: BenchReport = {
    ...{ tessera: options.version, started, ...facts, notInstalled: missing, peak },
    gemm1008OfOpenBLAS: blas?.ratio ?? null,
    gemm: gemm.map(judge),
    conv: conv.map(judge),
    attention: attention.map(judge),
    'clip-step': steps.map(judge),
    ...{ roof, data, evaluation, loader, start, memory, 'peak-memory': peakMemory, scaling, dashboard, runtimes },
    disagreements: [
      ...[...gemm, ...conv, ...attention, ...steps].flatMap(disagreementsOf),
      ...differingLosses(peakMemory),
      ...differingPixels(loader?.rows ?? []),
    ],
  };
  print(formatEnd(report));
  return report;
}

const bestOf = ({ peers }: Row): Record<string, Entry> =>
  Object.fromEntries(bestOfEach(peers).map((entry) => [entry.library, entry]));

const disagreementsOf = ({ label, peers }: Row): string[] =>
  peers.flatMap(({ library, version, threads, disagreement }) =>
    disagreement === null ? [] : [`${label}: ${library} ${version}, ${threads} threads: ${disagreement}`],
  );

function formatEnd({ gemm1008OfOpenBLAS: share, notInstalled, disagreements }: BenchReport): string {
  return [
    ...(share === null ? [] : [`1008 x 1008 x 1008: ${(100 * share).toFixed(0)} % of OpenBLAS's rate`]),
    ...notInstalled.map(({ library, install }) => `not installed: ${library}. To compare with it: ${install}`),
    ...disagreements.map((line) => `DIFFERENT RESULT: ${line}`),
  ].join('\n');
}
