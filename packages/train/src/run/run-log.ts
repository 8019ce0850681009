/** What a run tells its loggers, from its start to its end. */
import { promises as fs } from 'node:fs';
import { join, parse } from 'node:path';
import { errorMessage, exists } from '@tessera/data/io';
import sharp from 'sharp';
import { stringify as stringifyYaml } from 'yaml';
import type { RunConfig } from '../config/schema.ts';
import { readHistograms } from '../loop/histograms.ts';
import { type EndEvent, type LogEvent, type Logger, Loggers, type StartEvent, type StepEvent } from '../loop/logger.ts';
import type { EvaluationValues } from '../loop/measure.ts';
import { type MetricsRecord, readMetrics } from '../loop/metrics-file.ts';
import type { RunFolder } from '../run-folder/run-folder.ts';

const now = (): number => Date.now() / 1000;

/** The event of a line of `metrics.jsonl`. Numbers that were not finite are null there. */
function stepEvent(record: MetricsRecord): StepEvent {
  const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
  const { kind: _, step, lossScale, skippedSteps, mfu, ...rest } = record;
  const { epoch, loss, lr, gradNorm, imagesPerSecond, seconds, time, memory, ...measures } = rest;
  return {
    kind: 'step',
    step,
    epoch: number(epoch),
    loss: number(loss),
    lr: number(lr),
    gradNorm: number(gradNorm),
    scaling: lossScale === undefined ? null : { lossScale: number(lossScale), skippedSteps: number(skippedSteps) },
    measures: Object.fromEntries(Object.entries(measures).map(([name, value]) => [name, number(value)])),
    imagesPerSecond: number(imagesPerSecond),
    mfu: typeof mfu === 'number' ? mfu : null,
    seconds: number(seconds),
    time: typeof time === 'number' ? time : now(),
    memory: number(memory),
  };
}

/** Sends a run's events to its loggers. Without loggers it does nothing. */
export class RunLog implements Logger {
  /** How the run ended; that it failed, until something else is known. */
  outcome: EndEvent['outcome'] = 'failed';
  readonly #loggers: Loggers;
  readonly #folder: RunFolder;
  readonly #say: (message: string) => void;
  #results: readonly EvaluationValues[] = [];
  #hasSteps = false;
  /** When the pictures were written that need not be sent, by the names of their files. */
  readonly #sent = new Map<string, number>();

  constructor(loggers: readonly Logger[], folder: RunFolder, say: (message: string) => void) {
    this.#folder = folder;
    this.#say = say;
    this.#loggers = new Loggers(loggers, say);
  }

  async log(event: LogEvent): Promise<void> {
    await this.#loggers.log(event);
    if (event.kind !== 'step' || this.#hasSteps) return;
    // The first batch has been drawn.
    this.#hasSteps = true;
    await this.samples(event.step);
  }

  /** The start, the configuration and the facts as texts, and what a resumed run logs of its checkpoint's step. */
  async start({
    config,
    facts,
    step,
  }: {
    readonly config: RunConfig;
    readonly facts: StartEvent['facts'];
    readonly step: number;
  }): Promise<void> {
    if (!this.#loggers.areActive) return;
    const { path } = this.#folder;
    await this.#loggers.log({ kind: 'start', step, time: now(), name: config.name, folder: path, config, facts });
    const listed = Object.entries(facts).map(([name, value]) => `| ${name} | ${value} |`);
    const texts = {
      config: `\`\`\`yaml\n${stringifyYaml(config)}\`\`\``,
      facts: ['| fact | value |', '|---|---|', ...listed].join('\n'),
    };
    for (const [name, text] of Object.entries(texts))
      await this.#loggers.log({ kind: 'text', step, time: now(), name, text });
    // Those of an earlier part of the run.
    await this.#guard('the pictures', async () => {
      for (const { name, written } of await this.#pictures()) this.#sent.set(name, written);
    });
    if (step > 0) await this.#guard('the lines of the step that the run continues after', () => this.#repeat(step));
  }

  /** What the metrics and histograms of a step were. */
  async #repeat(step: number): Promise<void> {
    const { metrics, histograms } = this.#folder;
    const record = (await readMetrics(metrics)).findLast((line) => line.kind === 'step' && line.step === step);
    if (record !== undefined) await this.#loggers.log(stepEvent(record));
    const found = (await readHistograms(histograms, 2)).at(-1);
    if (found?.step === step) await this.#loggers.log({ ...found, kind: 'histograms', time: now() });
  }

  /** The pictures of the folder `samples` that are new since they were last sent. */
  async samples(step: number): Promise<void> {
    if (this.#loggers.areActive) await this.#guard('the pictures', () => this.#newPictures(step));
  }

  async #pictures(): Promise<{ readonly name: string; readonly path: string; readonly written: number }[]> {
    const { samples } = this.#folder;
    const files = (await exists(samples)) ? await fs.readdir(samples) : [];
    const pictures = files
      .filter((file) => file.endsWith('.png'))
      .sort()
      .map(async (file) => {
        const path = join(samples, file);
        return { name: parse(file).name, path, written: (await fs.stat(path)).mtimeMs };
      });
    return Promise.all(pictures);
  }

  async #newPictures(step: number): Promise<void> {
    for (const { name, path, written } of await this.#pictures()) {
      if (this.#sent.get(name) === written) continue;
      this.#sent.set(name, written);
      const png = await fs.readFile(path);
      const { width, height, channels } = await sharp(png).metadata();
      const caption = name.replaceAll('-', ' ');
      await this.#loggers.log({ kind: 'picture', step, time: now(), name, caption, png, width, height, channels });
    }
  }

  /** A run does not end because something cannot be read for its loggers. */
  async #guard(what: string, send: () => Promise<void>): Promise<void> {
    try {
      await send();
    } catch (error) {
      this.#say(
        `${what} could not be read and are not logged after step ${this.#loggers.lastStep}: ${errorMessage(error)}`,
      );
    }
  }

  /** @param step the step of the weights that were evaluated last */
  async finished(step: number, results: readonly EvaluationValues[]): Promise<void> {
    this.outcome = 'finished';
    this.#results = results.map(({ split, values }) => ({ split, values }));
    await this.samples(step);
  }

  /** The end, if there was a start. */
  async end(): Promise<void> {
    const { outcome } = this;
    const step = this.#loggers.lastStep;
    if (step === null) return;
    await this.#loggers.log({ kind: 'end', step, time: now(), outcome, results: this.#results });
  }
}
