/**
 * The messages of event files, by `event.proto`, `summary.proto`, `tensor.proto` and the plug-in hparams of TensorBoard. Numbers are those of
 * the fields there.
 */
import type { Histogram } from '../../loop/histograms.ts';
import type { Hyperparameter } from '../hyperparameters.ts';
import {
  bytesField,
  chosenBoolean,
  chosenDouble,
  chosenFloat,
  double,
  doubles,
  integer,
  message,
  text,
} from './protobuf.ts';

/** When something happened. */
export interface EventTime {
  /** Completed steps. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
}

const event = ({ step, time }: EventTime, content: Uint8Array): Buffer =>
  Buffer.concat([double(1, time), integer(2, step), content]);

/** The first event of a file. */
export const fileVersion = (when: EventTime): Buffer => event(when, text(3, 'brain.Event:2'));

/** The second event of a file: events of this step and later ones in older files count no longer. */
export const sessionStart = (when: EventTime): Buffer => event(when, message(7, integer(1, 1)));

/** Values of a step. */
export const summary = (when: EventTime, values: readonly Uint8Array[]): Buffer =>
  event(when, message(5, ...values.map((value) => bytesField(1, value))));

export const scalarValue = (tag: string, value: number): Buffer => Buffer.concat([text(1, tag), chosenFloat(2, value)]);

/** The description of a value. `content`: what its plug-in needs to know. `description`: a text for people. */
const metadata = (plugin: string, content: Uint8Array, description = ''): Buffer =>
  message(
    9,
    message(1, text(1, plugin), content.byteLength === 0 ? content : bytesField(2, content)),
    text(3, description),
  );

/** Markdown. The tag gets the ending that PyTorch's `add_text` gives it. */
export const textValue = (tag: string, markdown: string): Buffer => {
  const dtypeString = integer(1, 7);
  const shape = message(2, message(2, integer(1, 1)));
  return Buffer.concat([
    text(1, `${tag}/text_summary`),
    message(8, dtypeString, shape, bytesField(8, Buffer.from(markdown, 'utf8'))),
    metadata('text', Buffer.alloc(0)),
  ]);
};

/** A PNG file. */
export interface EncodedPicture {
  readonly png: Uint8Array;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** A picture, with a text that TensorBoard shows on request; empty: none. */
export const imageValue = (tag: string, { png, width, height, channels }: EncodedPicture, caption: string): Buffer =>
  Buffer.concat([
    text(1, tag),
    message(4, integer(1, height), integer(2, width), integer(3, channels), bytesField(4, png)),
    ...(caption === '' ? [] : [metadata('images', Buffer.alloc(0), caption)]),
  ]);

/** The numbers of a `HistogramProto`. */
export interface HistogramNumbers {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** The upper ends of the bins. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/**
 * Bins as PyTorch's `make_histogram` passes them on: empty bins at both ends are dropped, and an empty bin comes first, whose upper end is
 * the lower end of the first other one. Sums are not known and taken from the middles of the bins. Null where no value is finite.
 */
export function histogramNumbers({ range, counts }: Histogram): HistogramNumbers | null {
  if (range === null) return null;
  const [min, max] = range;
  const width = (max - min) / counts.length;
  const edges = Array.from({ length: counts.length + 1 }, (_, k) => (k === counts.length ? max : k * width + min));
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  let [num, sum, sumSquares] = [0, 0, 0];
  for (const [k, count] of counts.entries()) {
    const middle = ((edges[k] as number) + (edges[k + 1] as number)) / 2;
    num += count;
    sum += count * middle;
    sumSquares += count * middle ** 2;
  }
  const shown = { limits: edges.slice(first, last + 2), counts: [0, ...counts.slice(first, last + 1)] };
  return { min, max, num, sum, sumSquares, ...shown };
}

export const histogramValue = (
  tag: string,
  { min, max, num, sum, sumSquares, limits, counts }: HistogramNumbers,
): Buffer =>
  Buffer.concat([
    text(1, tag),
    message(
      5,
      ...[min, max, num, sum, sumSquares].map((value, k) => double(k + 1, value)),
      doubles(6, limits),
      doubles(7, counts),
    ),
  ]);

/** A `google.protobuf.Value`. */
const settingValue = (value: Hyperparameter): Buffer => {
  if (typeof value === 'number') return chosenDouble(2, value);
  return typeof value === 'boolean' ? chosenBoolean(4, value) : bytesField(3, Buffer.from(value, 'utf8'));
};

const hparams = (name: string, content: Uint8Array): Buffer =>
  Buffer.concat([text(1, `_hparams_/session_${name}_info`), metadata('hparams', content)]);

/** The settings of a run, for TensorBoard's table of runs. */
export const hparamsStart = (settings: Readonly<Record<string, Hyperparameter>>, time: number): Buffer =>
  hparams(
    'start',
    message(
      3,
      ...Object.entries(settings).map(([name, value]) => message(1, text(1, name), message(2, settingValue(value)))),
      double(5, time),
    ),
  );

/** `Status` of the plug-in. */
const status = { finished: 1, failed: 2, interrupted: 0 } as const;

export const hparamsEnd = (outcome: keyof typeof status, time: number): Buffer =>
  hparams('end', message(4, integer(1, status[outcome]), double(2, time)));
