/** The evaluations of a run, during and after training. */
import type { Split } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';
import type { EvaluationPart } from '../dry-run/trial.ts';
import type { EvaluationResult } from '../evaluation/result.ts';
import type { RunFolder } from '../run-folder/run-folder.ts';
import type { EvaluationCost, EvaluationRequest, Task } from '../tasks/task.ts';
import type { OpenRun } from './open.ts';

/** Evaluates a run's model as it is, and keeps the last results, which also serve the report. */
export class RunEvaluation {
  readonly #run: OpenRun;
  readonly #folder: RunFolder;
  readonly #signal: AbortSignal | undefined;
  #results: readonly EvaluationResult[] | null = null;
  #hasBaselines = false;

  constructor(run: OpenRun, folder: RunFolder, signal: AbortSignal | undefined) {
    this.#run = run;
    this.#folder = folder;
    this.#signal = signal;
  }

  /** The last results; null before the first evaluation. */
  get results(): readonly EvaluationResult[] | null {
    return this.#results;
  }

  /** Whether the last results compare the model with baselines, if the settings ask for that. */
  get hasBaselines(): boolean {
    return this.#hasBaselines;
  }

  /** @param signal in place of the run's */
  async evaluate(
    { limit, baseline }: EvaluationPart,
    signal: AbortSignal | undefined = this.#signal,
  ): Promise<readonly EvaluationResult[]> {
    const { subject, evaluated } = this.#run;
    const found = await subject.evaluate(evaluated, this.#request({ limit, baseline }, signal));
    for (const result of found) await result.kind.writeSamples(result, this.#folder.samples);
    this.#results = found;
    this.#hasBaselines = baseline;
    return found;
  }

  /** All rows that the settings ask for. `final`: with baselines, if the settings ask for them. */
  evaluateAll(final: boolean, signal?: AbortSignal): Promise<readonly EvaluationResult[]> {
    return this.evaluate({ limit: this.#run.config.evaluation.limit, baseline: final }, signal);
  }

  async cost(part: EvaluationPart): Promise<EvaluationCost> {
    const { subject, evaluated } = this.#run;
    return (await subject.evaluationCost?.(evaluated, this.#request(part, this.#signal))) ?? { bytes: 0, seconds: 0 };
  }

  #request({ limit, baseline }: EvaluationPart, signal: AbortSignal | undefined): EvaluationRequest {
    const { config, train } = this.#run;
    return evaluationRequest(config, { limit, baseline: baseline ? train : null }, signal);
  }
}

/** How a run evaluates its own splits. `baseline`: the split that baselines search, if the configuration requests them. */
export const evaluationRequest = (
  { data, evaluation: { batchSize, pixelBaseline } }: RunConfig,
  { limit, baseline }: { readonly limit: number | null; readonly baseline: Split | null },
  signal?: AbortSignal,
): EvaluationRequest => ({
  batchSize,
  workers: data.workers,
  strict: data.strict,
  limit,
  columns: data.columns,
  baseline: baseline === null || !pixelBaseline ? null : { split: baseline, limit },
  templates: null,
  ...(signal === undefined ? {} : { signal }),
});

/** Whether the last evaluation of a run compares its model with baselines. */
export const usesBaseline = ({ evaluation }: RunConfig, { evaluationOptions }: Task): boolean =>
  evaluation.pixelBaseline && evaluationOptions.includes('pixels');
