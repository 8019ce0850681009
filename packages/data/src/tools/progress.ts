/** What tools tell while they work, and how they are stopped. */

/** Rows are read once, in order, so little more than the blocks in use is kept. */
export const toolCacheBytes = 64 * 2 ** 20;

interface ToolProgress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface ToolOptions {
  readonly onProgress?: (progress: ToolProgress) => void;
  /** Stops the work; the tool then throws the signal's reason, and nothing is written. */
  readonly signal?: AbortSignal;
}
