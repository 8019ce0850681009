/**
 * Results of evaluation. Whatever was evaluated, the results are one list. Each result knows its kind, and a kind knows how its results are
 * printed, stored and drawn: the terminal, `evaluation.json`, `metrics.jsonl` and the report all go through this list, so no kind can be left
 * out.
 */
import type { Highlight, ReportSection } from '../report/section.ts';

/** A table of text, the first column aligned to the left and all others to the right, with notes below it. */
export interface TextTable {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes?: readonly string[];
}

/** The result of evaluating a model on one split. */
export interface EvaluationResult {
  readonly kind: EvaluationKind;
  readonly split: string;
  /** The numbers by name, for `metrics.jsonl` and curves. Shares are from 0 to 1. */
  readonly values: Readonly<Record<string, number | null>>;
  /** The number of rows that could not be used. */
  readonly skipped: number;
}

/** What can be done with the results of one kind. */
export interface KindDefinition<Result extends EvaluationResult> {
  /** Key of these results in `evaluation.json`. */
  readonly name: string;
  /** For the terminal: the results of several splits in one table. */
  table(results: readonly Result[]): TextTable;
  /** The most important numbers of a result, formatted, for tables that compare models. */
  headline(result: Result): Readonly<Record<string, string>>;
  /** The numbers of a result as JSON, for `evaluation.json`. */
  summarize(result: Result): object;
  /** For the report, with pictures. */
  section(results: readonly Result[]): Promise<ReportSection>;
  highlights(results: readonly Result[]): readonly Highlight[];
  /** Writes pictures of a result into a folder. */
  writeSamples?(result: Result, folder: string): Promise<void>;
}

/** A kind as those see it who do not know the type of its results. */
export interface EvaluationKind extends Required<KindDefinition<EvaluationResult>> {}

/**
 * Makes a kind from the functions for its own type of results. Results reach these functions only through `byKind` and `result.kind`, so
 * they are of that type.
 */
export const evaluationKind = <Result extends EvaluationResult>(
  definition: KindDefinition<Result>,
): EvaluationKind => ({
  name: definition.name,
  table: (results) => definition.table(results as readonly Result[]),
  headline: (result) => definition.headline(result as Result),
  summarize: (result) => definition.summarize(result as Result),
  section: (results) => definition.section(results as readonly Result[]),
  highlights: (results) => definition.highlights(results as readonly Result[]),
  writeSamples: async (result, folder) => definition.writeSamples?.(result as Result, folder),
});

/** The results grouped by kind, in the order in which the kinds first occur. */
export function byKind(results: readonly EvaluationResult[]): Map<EvaluationKind, EvaluationResult[]> {
  const groups = new Map<EvaluationKind, EvaluationResult[]>();
  for (const result of results) {
    const group = groups.get(result.kind);
    if (group === undefined) groups.set(result.kind, [result]);
    else group.push(result);
  }
  return groups;
}

/** The tables of all results, one for each kind. */
export const resultTables = (results: readonly EvaluationResult[]): TextTable[] =>
  [...byKind(results)].map(([kind, group]) => kind.table(group));

/** The numbers of all results, without pictures and features: what `evaluation.json` contains, by kind. */
export const summarizeResults = (results: readonly EvaluationResult[]): Record<string, object[]> =>
  Object.fromEntries([...byKind(results)].map(([kind, group]) => [kind.name, group.map(kind.summarize)]));

/** The sections of the report. */
export const resultSections = (results: readonly EvaluationResult[]): Promise<ReportSection[]> =>
  Promise.all([...byKind(results)].map(([kind, group]) => kind.section(group)));

/** At most this many numbers stand at the top of the report. */
const mostHighlights = 3;

export const resultHighlights = (results: readonly EvaluationResult[]): Highlight[] =>
  [...byKind(results)].flatMap(([kind, group]) => kind.highlights(group)).slice(0, mostHighlights);

/** 0.3456 as 34.6 %, for tables of text. */
export const percentText = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;
