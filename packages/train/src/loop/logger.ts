/** What a logger learns from a run, such as one that writes event files for TensorBoard. */
import type { ParameterHistograms } from './histograms.ts';
import type { StepReport } from './listener.ts';
import type { EvaluationValues } from './measure.ts';
import type { TimingFields } from './metrics-file.ts';

/** What all events of a run have. */
interface EventBase {
  /** Completed steps. */
  readonly step: number;
  /** When it happened, in seconds since 1970. */
  readonly time: number;
}

/**
 * A run begins, or continues after `step` steps. What an earlier part of the run logged for this step and later ones is logged again, so a
 * logger drops it.
 */
export interface StartEvent extends EventBase {
  readonly kind: 'start';
  /** The configuration's name. */
  readonly name: string;
  /** The run's folder. */
  readonly folder: string;
  /** The whole configuration: sections, lists and values as in `config.yaml`. */
  readonly config: object;
  /** The machine, the versions, and what is known of model and data. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** The numbers of a step, as in `metrics.jsonl`. */
export interface StepEvent
  extends EventBase,
    Pick<StepReport, 'epoch' | 'loss' | 'lr' | 'gradNorm'>,
    Omit<TimingFields, 'time'> {
  readonly kind: 'step';
  /** Only with loss scaling. */
  readonly scaling: { readonly lossScale: number; readonly skippedSteps: number } | null;
  /** What the task measures besides. */
  readonly measures: Readonly<Record<string, number>>;
}

/** The numbers of one split, as in `metrics.jsonl`. Shares are from 0 to 1. */
export interface EvaluationEvent extends EventBase, EvaluationValues {
  readonly kind: 'evaluation';
  /** Completed epochs, with fractions. */
  readonly epoch: number;
}

/** Histograms of each trained parameter, as in `histograms.jsonl`. */
export interface HistogramsEvent extends EventBase {
  readonly kind: 'histograms';
  readonly epoch: number;
  readonly parameters: Readonly<Record<string, ParameterHistograms>>;
}

/** A picture of the folder `samples`. */
export interface PictureEvent extends EventBase {
  readonly kind: 'picture';
  /** The file's name without its ending, such as `training-batch`. */
  readonly name: string;
  readonly caption: string;
  /** A PNG file. */
  readonly png: Uint8Array;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Markdown. */
export interface TextEvent extends EventBase {
  readonly kind: 'text';
  readonly name: string;
  readonly text: string;
}

/** The run ends, or is interrupted and can be continued. */
export interface EndEvent extends EventBase {
  readonly kind: 'end';
  readonly outcome: 'finished' | 'interrupted' | 'failed';
  /** The final results, of a run that is finished; else empty. */
  readonly results: readonly EvaluationValues[];
}

export type LogEvent = StartEvent | StepEvent | EvaluationEvent | HistogramsEvent | PictureEvent | TextEvent | EndEvent;

/** Receives the events of a run, one after the other: the first has the kind `start`, the last `end`. Training waits for it. */
export interface Logger {
  log(event: LogEvent): void | Promise<void>;
}

/** Passes events on to loggers. One that throws is reported and gets no further events: the run goes on. */
export class Loggers {
  #active: readonly Logger[];
  #lastStep: number | null = null;
  readonly #say: (message: string) => void;

  constructor(loggers: readonly Logger[], say: (message: string) => void) {
    this.#active = loggers;
    this.#say = say;
  }

  /** Whether any logger still takes events. */
  get areActive(): boolean {
    return this.#active.length > 0;
  }

  /** The largest step of an event so far; null before the first. */
  get lastStep(): number | null {
    return this.#lastStep;
  }

  async log(event: LogEvent): Promise<void> {
    this.#lastStep = Math.max(this.#lastStep ?? 0, event.step);
    for (const logger of this.#active) {
      try {
        await logger.log(event);
      } catch (error) {
        this.#active = this.#active.filter((other) => other !== logger);
        const { name } = logger.constructor;
        this.#say(
          `the logger ${name === 'Object' ? '' : `${name} `}failed at the event ${event.kind} of step ${event.step}, and logs nothing more of this run: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
}
