/** How far a build has come. */
export interface Progress {
  /** What is being done, for people. */
  what: string;
  done: number;
  total: number;
}

export interface BuildOptions {
  onProgress?: (progress: Progress) => void;
  /** Replace what is at the target; otherwise that is an error. */
  overwrite?: boolean;
}

/** What was built. */
export interface BuildReport {
  path: string;
  /** Rows of each split. */
  splits: Record<string, number>;
}

/** A dataset that this package can build. */
export interface DatasetBuilder {
  name: string;
  /** One line. */
  title: string;
  license: string;
  homepage: string;
  /** Raised when what is built changes: a dataset of another version is built anew. */
  version: number;
  /** Why it cannot be built here, and what to do about it; null if it can. */
  unavailable(): Promise<string | null>;
  /** Builds the dataset at `target`, whole or not at all. */
  build(target: string, options?: BuildOptions): Promise<BuildReport>;
}

/** What the built dataset says about itself. */
export const infoOf = ({ name, title, license, homepage, version }: DatasetBuilder) => ({
  description: `${title} (${name}, version ${version})`,
  license,
  homepage,
});
