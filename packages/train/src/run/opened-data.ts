/** The data of a run whose files are open. */
import type { Split, SplitFingerprint } from '@tessera/data';

export interface RunData {
  readonly train: Split;
  /** The training rows of each source. */
  readonly trainParts: readonly Split[];
  /** The splits that are evaluated. */
  readonly evaluated: readonly Split[];
  /** @param everyRow whether all rows are hashed, not a sample */
  fingerprint(everyRow: boolean): Promise<Record<string, SplitFingerprint>>;
  close(): void;
}
