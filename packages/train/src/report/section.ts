/** What an evaluation contributes to a run's report: a part of the page, and the run's outcome in a few numbers. */
import type { Html } from './html.ts';

export interface ReportSection {
  readonly html: Html;
  /** A script that the section needs, included once however many sections need it. */
  readonly script?: string;
}

/** One of the large numbers at the top of the page. */
export interface Highlight {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}
