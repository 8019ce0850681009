import type { LoaderStats } from '@tessera/data';
import type { ClassificationEvaluation } from '../evaluation/classification.ts';
import type { ReconstructionEvaluation } from '../evaluation/reconstruction.ts';
import type { RetrievalEvaluation } from '../evaluation/retrieval.ts';
import type { BatchSource, EvaluationValues } from '../loop/trainer.ts';
import type { ReportData } from '../report/index.ts';
import type { BatchTensors, Task } from '../tasks/task.ts';

/** What a finished run has to say. */
export interface FinalEvaluation {
  readonly retrieval: readonly RetrievalEvaluation[];
  readonly classification: readonly ClassificationEvaluation[];
  readonly reconstruction?: readonly ReconstructionEvaluation[];
  /** The same for the report, with pictures. */
  readonly report: Pick<ReportData, 'retrieval' | 'classification' | 'reconstruction'>;
}

/** A task with its data, ready to be trained. */
export interface PreparedTask<Batch extends BatchTensors = BatchTensors> {
  readonly task: Task<Batch>;
  readonly source: BatchSource<Batch>;
  /** Rows of the training split. */
  readonly trainingRows: number;
  /** Facts for the report: label to value. */
  readonly summary: Readonly<Record<string, string | number>>;
  /** The value that says best how good the model is. */
  readonly mainMeasure: string;
  evaluate(): Promise<readonly EvaluationValues[]>;
  finalEvaluation(): Promise<FinalEvaluation>;
  loaderStats(): LoaderStats;
  close(): Promise<void>;
}

/** Something that a user should read while a run is prepared or ends. */
export type Say = (message: string) => void;
