/** How much of a sweep's training is done, for its progress bar. */
import type { RunProgress, SweepPlan, SweepResults, Work } from '@tessera/train/sweep';

/** Counts epochs: those that the sweep still had to train at its start are the whole. */
export class SweepMeter {
  readonly #plan: SweepPlan;
  /** Complete epochs of each run by its folder, with fractions. */
  readonly #epochs = new Map<string, number>();
  readonly #running = new Map<string, string>();
  #ended = 0;
  #first: number;

  /** @param results of an earlier start of the sweep */
  constructor(plan: SweepPlan, results: SweepResults) {
    this.#plan = plan;
    for (const { folder, epochs } of results.configurations.flatMap(({ runs }) => runs))
      this.#epochs.set(folder, epochs);
    this.#first = this.#sum();
  }

  progress({ run }: Work, title: string, { step, totalSteps, loss }: RunProgress): void {
    this.#epochs.set(run.folder, (step / totalSteps) * run.config.training.epochs);
    this.#running.set(run.folder, `${title}: step ${step}/${totalSteps} loss ${loss.toFixed(3)}`);
  }

  /** A run that has failed counts as trained. */
  end({ run, epochs }: Work): void {
    this.#epochs.set(run.folder, epochs);
    this.#running.delete(run.folder);
    this.#ended++;
  }

  get fraction(): number {
    const left = this.#total() - this.#first;
    return left <= 0 ? 1 : Math.min(1, (this.#sum() - this.#first) / left);
  }

  /** What is going on, in texts. */
  get facts(): string[] {
    return [`${this.#ended} results`, ...this.#running.values()];
  }

  #sum(): number {
    return [...this.#epochs.values()].reduce((sum, epochs) => sum + epochs, 0);
  }

  /** The epochs of all rungs together. */
  #total(): number {
    const { configurations, rungs } = this.#plan;
    if (rungs.length === 1)
      return configurations
        .flatMap(({ runs }) => runs.map(({ config }) => config.training.epochs))
        .reduce((sum, epochs) => sum + epochs, 0);
    const seeds = configurations[0]?.runs.length ?? 0;
    return rungs.reduce(
      (sum, { configurations: count, epochs }, k) => sum + count * seeds * (epochs - (rungs[k - 1]?.epochs ?? 0)),
      0,
    );
  }
}
