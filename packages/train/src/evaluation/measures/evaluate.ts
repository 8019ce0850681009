/** Evaluation by measures: numbers of each example, averaged over a split, with some examples as pictures. */
import type { Batch, ColumnRequests, Split } from '@tessera/data';
import type { Module } from '@tessera/nn';
import { compile, stack, type Tensor, tidy } from '@tessera/tensor';
import type { BatchTensors } from '../../loop/objective.ts';
import { ClassCounter } from '../classification/class-scores.ts';
import { classesCard, classNotes } from '../classification/classes-card.ts';
import { inEvaluationMode, whileInEvaluationMode } from '../encoder.ts';
import { type ReadOptions, readExamples, spread } from '../examples.ts';
import { type EvaluationResult, evaluationKind, percentText } from '../result.ts';
import { type Example, examplesCard, writeExamples } from './examples.ts';
import { type MeasuredClasses, type MeasuredScores, measuredScores, scoreLooks, summarizeScores } from './scores.ts';
import { formatMeasure, type MeasureFormat, type MeasureLook, measuresSection } from './section.ts';

/**
 * A measure of the examples of a batch: one number for each, [B], of which the mean over the split is taken; or numerators and
 * denominators, [B] each, of which the quotient of the sums is taken.
 */
export type Measure = Tensor | { readonly sum: Tensor; readonly of: Tensor };

/** What is measured. The keys of `looks` are the names of the measures, in the order in which they are shown. */
export interface Measurement<Requests extends ColumnRequests, Tensors extends BatchTensors, Name extends string> {
  readonly model: Module;
  readonly looks: Readonly<Record<Name, MeasureLook>>;
  toTensors(batch: Batch<Requests>): Tensors;
  /** Recorded once for each shape of a batch, with the model in evaluation mode. */
  measure(tensors: Tensors): Readonly<Record<Name, Measure>>;
  /** Missing where the model does not decide between classes. */
  readonly classes?: MeasuredClasses<Tensors>;
  /** What the pictures of the examples show. */
  readonly note: string;
  /** Some rows of a batch as pictures, all of one size. The model is in evaluation mode. */
  examples(batch: Batch<Requests>, tensors: Tensors, rows: readonly number[]): Promise<Example[]>;
}

export interface MeasuresResult extends EvaluationResult {
  readonly count: number;
  readonly looks: Readonly<Record<string, MeasureLook>>;
  readonly note: string;
  readonly examples: readonly Example[];
  /** Null where the model does not decide between classes. */
  readonly classes: MeasuredScores | null;
}

/** Measures a model on a split. `shown`: the number of examples that become pictures, evenly spread. */
export async function evaluateMeasures<
  Requests extends ColumnRequests,
  Tensors extends BatchTensors,
  Name extends string,
>(
  split: Split,
  options: ReadOptions<Requests>,
  measurement: Measurement<Requests, Tensors, Name>,
  shown = 24,
): Promise<MeasuresResult> {
  const { model, note, classes = null } = measurement;
  const looks: Readonly<Record<string, MeasureLook>> = {
    ...measurement.looks,
    ...(classes === null ? {} : scoreLooks(classes)),
  };
  const names = Object.keys(measurement.looks) as Name[];
  const compiled = compile((tensors: Tensors) =>
    inEvaluationMode(model, () => {
      const found = measurement.measure(tensors);
      return { sums: stack(names.flatMap((name) => sums(found[name]))), ...classes?.decide(tensors) };
    }),
  );
  const counter = new ClassCounter(classes?.names.length ?? 0);
  const totals = names.map(() => ({ sum: 0, of: 0 }));
  const examples: Example[] = [];
  const chosen = new Set(spread(Math.min(split.length, options.limit ?? split.length), shown));
  let count = 0;
  try {
    const { skipped } = await readExamples(split, options, (batch) =>
      tidy(async () => {
        const tensors = measurement.toTensors(batch);
        const { sums, truth, prediction, accepted, counted } = await compiled(tensors);
        const values = await sums.data();
        if (truth !== undefined && prediction !== undefined)
          counter.add(await truth.data(), await prediction.data(), {
            accepted: (await accepted?.data()) ?? null,
            counted: (await counted?.data()) ?? null,
          });
        for (const [k, total] of totals.entries()) {
          total.sum += values[2 * k] ?? Number.NaN;
          total.of += values[2 * k + 1] ?? Number.NaN;
        }
        const rows = Array.from({ length: batch.size }, (_, row) => row).filter((row) => chosen.has(count + row));
        if (rows.length > 0)
          examples.push(...(await whileInEvaluationMode(model, () => measurement.examples(batch, tensors, rows))));
        count += batch.size;
      }),
    );
    const values = Object.fromEntries(
      names.map((name, k) => {
        const { sum, of } = totals[k] ?? { sum: 0, of: 0 };
        return [name, of === 0 ? null : sum / of];
      }),
    );
    const scores = classes === null ? null : measuredScores(classes, counter.counts);
    return {
      kind: measures,
      split: split.name,
      values: { ...values, ...scores?.values },
      skipped,
      count,
      looks,
      note,
      examples,
      classes: scores,
    };
  } finally {
    compiled.dispose();
  }
}

/** Numerator and denominator of a measure over a batch, scalars. */
function sums(measure: Measure): [Tensor, Tensor] {
  if ('sum' in measure && 'of' in measure) return [measure.sum.cast('f32').sum(), measure.of.cast('f32').sum()];
  const values = measure.cast('f32');
  return [values.sum(), values.mul(0).add(1).sum()];
}

const measures = evaluationKind<MeasuresResult>({
  name: 'measures',
  table: (results) => ({
    headings: ['split', 'images', ...Object.values(results[0]?.looks ?? {}).map(({ label }) => label)],
    rows: results.map(({ split, count, looks, values }) => [
      split,
      String(count),
      ...Object.entries(looks).map(([name, { format }]) => measureText(values[name] ?? null, format)),
    ]),
    notes: results.flatMap(({ split, classes }) =>
      classes === null ? [] : classNotes(classes.report.column?.label ?? 'F1', split, classes.report),
    ),
  }),
  headline: ({ looks, values }) =>
    Object.fromEntries(
      Object.entries(looks).map(([name, { label, format }]) => [label, measureText(values[name] ?? null, format)]),
    ),
  summarize: ({ split, count, values, skipped, classes }) => ({
    split,
    count,
    values,
    skipped,
    ...(classes === null ? {} : summarizeScores(classes)),
  }),
  async section(results) {
    const reports = [];
    for (const { split, count, looks, values, note, examples, classes } of results)
      reports.push({
        split,
        count,
        measures: Object.entries(looks).map(([name, look]) => ({ ...look, value: values[name] ?? null })),
        classes: classes === null ? undefined : classesCard(classes.report),
        examples: await examplesCard(note, examples),
      });
    return { html: measuresSection(reports) };
  },
  highlights: (results) =>
    results.slice(0, 1).flatMap(({ split, looks, values }) =>
      Object.entries(looks)
        .slice(0, 2)
        .map(([name, { label, format }]) => ({
          label,
          value: formatMeasure(values[name] ?? null, format),
          note: split,
        })),
    ),
  writeSamples: ({ split, examples }, folder) => writeExamples(split, examples, folder),
});

const measureText = (value: number | null, format: MeasureFormat): string => {
  if (value === null) return '-';
  return format === 'percent' ? percentText(value, 2) : value.toFixed(4);
};
