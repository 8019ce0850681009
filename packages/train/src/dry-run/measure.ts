/** Measures the parts of a run: a few steps, a checkpoint, parts of an evaluation, and the memory of each. */
import type { DataLoader } from '@tessera/data';
import { type DType, dtypes, releaseMemory } from '@tessera/tensor';
import type { RunConfig } from '../config/schema.ts';
import type { TrainerListener } from '../loop/listener.ts';
import { hasAllSteps } from '../loop/run-length.ts';
import type { TrainingEnd } from '../loop/trainer.ts';
import type { EvaluationCost } from '../tasks/task.ts';
import { peakBytes, restartPeak } from './peak-memory.ts';
import type { EvaluationPart, Trial, TrialRun } from './trial.ts';

/** Times in ms: the most for steps, after the first one, and for reading ahead; the least for a part of an evaluation. */
const budget = { steps: 4000, reading: 8000, evaluation: 2500 };

/** The number of images after which the memory of a loader grows only with its cache. */
const imagesUntilSteady = 8192;

/** The first part of an evaluation that is timed, in batches of each split. */
const evaluatedBatches = 4;

/** Seconds of a few steps. */
export interface StepTimes {
  /** Of a step, when it waits for its batch as often as in a long run. */
  readonly step: number;
  readonly checkpoint: number;
}

/** Seconds of parts of an evaluation, and the number of their examples. */
interface EvaluationTimes {
  /** The number of examples of the final evaluation, in all splits. */
  readonly examples: number;
  /** The number of images that its baselines make smaller: training rows, which are searched, and those of all splits. */
  readonly baselineExamples: number;
  /** What the first evaluation takes more than later ones, for compiling. */
  readonly first: number;
  /** Of any evaluation, whatever the number of examples. */
  readonly fixed: number;
  readonly perExample: number;
  readonly perBaselineExample: number;
  /** What the whole final evaluation needs, and how much of its memory the measured part had. */
  readonly cost: EvaluationCost;
  readonly measuredBytes: number;
}

/** Memory of the process in bytes, and the images in the loader's cache at that time. */
export interface Memory {
  readonly bytes: number;
  readonly cachedBytes: number;
}

/** The memory of the process in the phases of a run. */
export interface PhaseMemory {
  /** At most, up to the model and its optimizer, and in any run that came before. */
  readonly prepared: Memory;
  /** At most, while the step is compiled, in the first steps, and while a checkpoint is written. */
  readonly stepping: Memory;
  /** At most, while the loader reads many images. */
  readonly loading: Memory;
  /** At most, during an evaluation. */
  readonly evaluating: Memory;
  /** At most, while weights and report are written. */
  readonly ending: Memory;
}

/** The cache of decoded images: as it is now, and as it is once the whole run has read what it reads. */
interface CacheGrowth {
  readonly images: number;
  readonly bytes: number;
  readonly finalBytes: number;
}

/** A measured run. */
export interface MeasuredRun {
  readonly run: Pick<TrialRun, 'loader' | 'config' | 'trainSplit' | 'splits' | 'length' | 'start' | 'subject'>;
  readonly batchesPerEpoch: number;
  readonly remainingSteps: number;
  /** Bytes of what a checkpoint contains. */
  readonly state: Readonly<Record<'model' | 'optimizer' | 'averages', number>>;
  readonly parameters: number;
  readonly trainedParameters: number;
  /** Seconds from the start of the run to the end of its first step, without runs that come first. */
  readonly startSeconds: number;
  /** Of steps in the first epoch; null: no step is left. */
  readonly first: StepTimes | null;
  /** Of steps whose images are all cached; null: there are none. */
  readonly cached: StepTimes | null;
  readonly cache: CacheGrowth;
  /** Null: nothing is evaluated. */
  readonly evaluation: EvaluationTimes | null;
  /** Seconds for the weights and the report. */
  readonly endSeconds: number;
  readonly memory: PhaseMemory;
}

/** The largest memory of a phase, with the images that are cached at its end. The next phase begins. */
function endPhase({ stats }: DataLoader): Memory {
  const bytes = peakBytes();
  restartPeak();
  return { bytes, cachedBytes: stats.cached.bytes };
}

/** Measures each run that it takes the loop of: a run that is trained first, and then the run itself. */
export class Measurements implements Trial {
  readonly runs: MeasuredRun[] = [];
  /** A run that has been measured and has not ended. */
  #open: {
    readonly measured: Omit<MeasuredRun, 'endSeconds' | 'memory'>;
    readonly memory: Omit<PhaseMemory, 'ending'>;
    readonly since: number;
  } | null = null;
  /** The times of the runs that have ended, except for those within another one. */
  #ended: { readonly began: number; readonly ms: number }[] = [];
  #began = 0;

  async run(run: TrialRun, signal: AbortSignal = new AbortController().signal): Promise<TrainingEnd> {
    const { config, length, start, loader, subject, optimizer, averages } = run;
    const prepared = endPhase(loader);
    const remaining = hasAllSteps(start, config.training) ? 0 : Math.max(1, length.totalSteps - start.step);
    const startedSteps = performance.now();
    const first = remaining === 0 ? null : await takeSteps(run, remaining, signal);
    const stepping = endPhase(loader);
    if (first !== null) await readAhead(run, first.steps, signal);
    const { cached } = loader.stats;
    const again = remaining > loader.length && cached.images > 0 ? await takeSteps(run, remaining, signal) : null;
    const loading = endPhase(loader);
    releaseMemory();
    restartPeak();
    const stopped: TrainingEnd = { position: start, finished: false, stopReason: null };
    if (signal.aborted) return stopped;
    const evaluation = await measureEvaluation(run);
    const evaluating = endPhase(loader);
    releaseMemory();
    restartPeak();
    const { model } = subject;
    this.#began = run.began;
    this.#open = {
      measured: {
        run,
        batchesPerEpoch: loader.length,
        remainingSteps: remaining,
        state: {
          model: bytesOfAll(model.stateDict().values()),
          optimizer: bytesOfAll(optimizer.namedState().map(([, state]) => state)),
          averages: bytesOfAll((averages?.namedState() ?? []).map(([, state]) => state)),
        },
        parameters: model.parameterCount(),
        trainedParameters: model.parameterCount({ trainableOnly: true }),
        startSeconds: ((first?.firstStepAt ?? startedSteps) - run.began - this.#within(run.began)) / 1000,
        first: first?.times ?? null,
        cached: again?.times ?? null,
        cache: {
          ...cached,
          finalBytes: finalCache(
            config,
            cached,
            Math.min(run.trainSplit.length, remaining * config.training.batchSize),
          ),
        },
        evaluation,
      },
      memory: { prepared, stepping, loading, evaluating },
      since: performance.now(),
    };
    return { position: start, finished: true, stopReason: null };
  }

  ended(): void {
    if (this.#open === null) return;
    const { measured, memory, since } = this.#open;
    const now = performance.now();
    this.runs.push({
      ...measured,
      endSeconds: (now - since) / 1000,
      memory: { ...memory, ending: endPhase(measured.run.loader) },
    });
    this.#open = null;
    const began = this.#began;
    this.#ended = [...this.#ended.filter((other) => other.began < began), { began, ms: now - began }];
  }

  /** Milliseconds of the runs that have begun since. */
  #within(began: number): number {
    return this.#ended.filter((other) => other.began >= began).reduce((sum, { ms }) => sum + ms, 0);
  }
}

const bytesOfAll = (tensors: Iterable<{ readonly size: number; readonly dtype: DType }>): number =>
  [...tensors].reduce((sum, { size, dtype }) => sum + size * dtypes[dtype].bytes, 0);

/** The size of the cache once these rows have been read. */
function finalCache({ data }: RunConfig, { images, bytes }: { images: number; bytes: number }, rows: number): number {
  return images === 0 ? 0 : Math.max(bytes, Math.min(data.cacheMegabytes * 2 ** 20, (bytes / images) * rows));
}

interface TakenSteps {
  readonly times: StepTimes;
  readonly steps: number;
  /** When the first step, which compiles, had ended. */
  readonly firstStepAt: number;
}

/** Takes at least two steps, unless the run has only one, and writes a checkpoint. */
async function takeSteps(run: TrialRun, remaining: number, signal: AbortSignal): Promise<TakenSteps> {
  const enough = new AbortController();
  const ends: number[] = [];
  let saved = 0;
  const listener: TrainerListener = {
    onStep() {
      ends.push(performance.now());
      const isTimeUp = ends.length > 1 && performance.now() - (ends[0] ?? 0) > budget.steps;
      if (isTimeUp || ends.length >= remaining) enough.abort();
    },
    onCheckpoint() {
      saved = performance.now();
    },
  };
  const begun = performance.now();
  await run.train(listener, AbortSignal.any([enough.signal, signal]));
  const last = ends.at(-1) ?? begun;
  // The first steps find batches that were prepared while the step was compiled.
  const skipped = Math.min(run.config.data.prefetch + 2, Math.ceil(ends.length / 2)) - 1;
  const from = ends[skipped] ?? begun;
  const counted = ends.length - 1 - skipped;
  const step = counted > 0 ? (last - from) / counted : last - begun;
  return {
    times: { step: step / 1000, checkpoint: Math.max(0, saved - last) / 1000 },
    steps: ends.length,
    firstStepAt: ends[0] ?? begun,
  };
}

/** Reads the rows that follow the first steps, so that the loader has the memory that it has in a long run, except for its cache. */
async function readAhead({ loader, start, config }: TrialRun, steps: number, signal: AbortSignal): Promise<void> {
  const begun = performance.now();
  let images = steps * config.training.batchSize;
  const startBatch = start.batch + steps;
  if (startBatch >= loader.length) return;
  for await (const batch of loader.epoch(start.epoch, { startBatch })) {
    images += batch.size;
    if (signal.aborted || images >= imagesUntilSteady || performance.now() - begun > budget.reading) return;
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** Evaluates a batch of each split, and then a few. */
async function measureEvaluation(run: TrialRun): Promise<EvaluationTimes | null> {
  const { splits, config, trainSplit, subject } = run;
  if (splits.length === 0) return null;
  const { limit, batchSize, pixelBaseline } = config.evaluation;
  const hasBaseline = subject.evaluationCost !== undefined && pixelBaseline;
  const rowsOf = (lengths: readonly number[], most: number): number =>
    lengths.reduce((sum, length) => sum + Math.min(length, most), 0);
  const lengths = splits.map(({ length }) => length);
  const whole = limit ?? Number.POSITIVE_INFINITY;
  const small = Math.min(batchSize, whole);
  const examples = rowsOf(lengths, whole);
  const seconds = (part: EvaluationPart): Promise<number> => {
    // A run has one evaluation at a time, and this is done after each.
    releaseMemory();
    return secondsOf(() => run.evaluate(part));
  };

  const compiled = await seconds({ limit: small, baseline: true });
  const one = await seconds({ limit: small, baseline: false });
  const few = rowsOf(lengths, small);
  let [large, some] = [small, one];
  for (let next = evaluatedBatches * batchSize; rowsOf(lengths, large) < examples; next *= 2) {
    large = Math.min(next, whole);
    some = await seconds({ limit: large, baseline: false });
    if (some * 1000 > budget.evaluation) break;
  }
  const many = rowsOf(lengths, large);
  const perExample = many > few ? Math.max(0, some - one) / (many - few) : one / few;
  const searched = hasBaseline ? Math.min(trainSplit.length, large) + many : 0;
  const measured = await run.evaluationCost({ limit: large, baseline: true });
  const withBaseline = hasBaseline ? await seconds({ limit: large, baseline: true }) : some;
  return {
    examples,
    baselineExamples: hasBaseline ? Math.min(trainSplit.length, whole) + examples : 0,
    first: Math.max(0, compiled - one),
    fixed: Math.max(0, one - perExample * few),
    perExample,
    perBaselineExample: searched === 0 ? 0 : Math.max(0, withBaseline - some - measured.seconds) / searched,
    cost: await run.evaluationCost({ limit, baseline: true }),
    measuredBytes: measured.bytes,
  };
}
