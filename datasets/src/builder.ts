/** The interface of a dataset builder. */

/** The progress of a build. */
export interface Progress {
  /** The present activity, for display. */
  what: string;
  done: number;
  total: number;
}

export interface BuildOptions {
  onProgress?: (progress: Progress) => void;
  /** Replace an existing target. Default false: then an existing target is an error. */
  overwrite?: boolean;
}

/** The result of a build. */
export interface BuildReport {
  path: string;
  /** The number of rows of each split. */
  splits: Record<string, number>;
}

/** A dataset that this package can build. */
export interface DatasetBuilder {
  name: string;
  /** A description in one line. */
  title: string;
  license: string;
  homepage: string;
  /** Increased whenever the output of `build` changes: a built dataset of another version is rebuilt. */
  version: number;
  /** Why the dataset cannot be built on this machine, and what to do about it; null if it can be built. */
  unavailable(): Promise<string | null>;
  /** Builds the dataset at `target`, atomically. */
  build(target: string, options?: BuildOptions): Promise<BuildReport>;
}

/** The description that is stored in the built dataset. */
export const infoOf = ({ name, title, license, homepage, version }: DatasetBuilder) => ({
  description: `${title} (${name}, version ${version})`,
  license,
  homepage,
});
