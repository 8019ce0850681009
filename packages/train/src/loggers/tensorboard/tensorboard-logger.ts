/** Event files for TensorBoard. */
import { join, resolve } from 'node:path';
import type { LogEvent, Logger, StartEvent, StepEvent } from '../../loop/logger.ts';
import { hyperparametersOf } from '../hyperparameters.ts';
import { EventFile } from './event-file.ts';
import {
  histogramNumbers,
  histogramValue,
  hparamsEnd,
  hparamsStart,
  imageValue,
  scalarValue,
  summary,
  textValue,
} from './events.ts';

/** The numbers of a step by their tags. A number that is not known is missing. */
const stepNumbers = ({
  epoch,
  loss,
  lr,
  gradNorm,
  scaling,
  measures,
  imagesPerSecond,
  mfu,
  seconds,
  memory,
}: StepEvent): Record<string, number> => ({
  ...{ 'train/loss': loss, 'train/lr': lr, 'train/gradNorm': gradNorm, 'train/epoch': epoch },
  ...Object.fromEntries(Object.entries(measures).map(([name, value]) => [`train/${name}`, value])),
  ...(scaling === null ? {} : { 'train/lossScale': scaling.lossScale, 'train/skippedSteps': scaling.skippedSteps }),
  ...{ 'speed/imagesPerSecond': imagesPerSecond, 'speed/secondsPerStep': seconds, 'speed/memoryBytes': memory },
  ...(mfu === null ? {} : { 'speed/mfu': mfu }),
});

const scalars = (numbers: Readonly<Record<string, number | null>>): Buffer[] =>
  Object.entries(numbers).flatMap(([tag, value]) => (value === null ? [] : [scalarValue(tag, value)]));

/**
 * Writes what a run logs as events: scalars `train/...`, `speed/...` and `SPLIT/...`, histograms `weights/...` and `gradients/...`, images,
 * texts, and the settings for the table of hyperparameters. A run that is resumed gets another file in the same folder, and TensorBoard drops
 * what the older ones have from there on.
 */
export class TensorBoardLogger implements Logger {
  readonly #folder: string | null;
  #file: EventFile | null = null;

  /** @param folder the folder of this run's event files, and of no other run's. Default: `tensorboard` in the run's folder */
  constructor(folder?: string) {
    this.#folder = folder === undefined ? null : resolve(folder);
  }

  log(event: LogEvent): void {
    if (event.kind === 'start') {
      this.#start(event);
      return;
    }
    const file = this.#file;
    if (file === null) throw new Error(`the event ${event.kind} came before the event start`);
    file.append(summary(event, valuesOf(event)));
    if (event.kind !== 'end') return;
    file.close();
    this.#file = null;
  }

  #start(event: StartEvent): void {
    // The file of a run that was logged before, and did not end.
    this.#file?.close();
    this.#file = new EventFile(this.#folder ?? join(event.folder, 'tensorboard'), event);
    this.#file.append(summary(event, [hparamsStart(hyperparametersOf(event.config), event.time)]));
  }
}

/** The values of an event in a summary. */
function valuesOf(event: Exclude<LogEvent, StartEvent>): Buffer[] {
  switch (event.kind) {
    case 'step':
      return scalars(stepNumbers(event));
    case 'evaluation':
      return scalars(tagged(event.split, event.values));
    case 'histograms':
      return Object.entries(event.parameters).flatMap(([name, { weight, gradient }]) =>
        [weight, gradient].flatMap((histogram, k) => {
          const numbers = histogramNumbers(histogram);
          return numbers === null ? [] : [histogramValue(`${k === 0 ? 'weights' : 'gradients'}/${name}`, numbers)];
        }),
      );
    case 'picture':
      return [imageValue(`samples/${event.name}`, event, event.caption)];
    case 'text':
      return [textValue(event.name, event.text)];
    case 'end':
      return [
        ...event.results.flatMap(({ split, values }) => scalars(tagged(`final/${split}`, values))),
        hparamsEnd(event.outcome, event.time),
      ];
    default:
      return event satisfies never;
  }
}

const tagged = (group: string, values: Readonly<Record<string, number | null>>): Record<string, number | null> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));
