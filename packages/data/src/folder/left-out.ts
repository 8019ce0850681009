/** Files that a dataset does not use, and how they are told. */

/** A file that is not used, and why. */
export interface LeftOut {
  /** Relative to the source folder. */
  file: string;
  reason: string;
}

const shown = 10;

/** A line for each of the first files that are not used, and one with the count of the others. */
export const leftOutLines = (leftOut: readonly LeftOut[]): string[] => [
  ...leftOut.slice(0, shown).map(({ file, reason }) => `left out: ${file}: ${reason}`),
  ...(leftOut.length > shown ? [`left out: ${leftOut.length - shown} more, ${leftOut.length} files in all`] : []),
];
