/** The parts of a run's report that come from an evaluation: a section of the page, and numbers for its top. */
import type { Html } from './html.ts';

export interface ReportSection {
  readonly html: Html;
  /** A script that the section needs. It is included only once if several sections need it. */
  readonly script?: string;
}

/** One of the large numbers at the top of the page. */
export interface Highlight {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}
