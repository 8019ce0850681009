/** The interface of a dataset builder. */
import type { LeftOut } from '@tessera/data/folder';

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
  /** The folder or the archive with the downloaded files, for builders that read such. */
  from?: string;
  /** Images whose shorter side is longer than this are resized to it. Default: images are stored unchanged. */
  maxSize?: number;
  /** Whether an image that is missing or cannot be decoded is an error. Default false: it is left out and reported. */
  strict?: boolean;
}

/** The result of a build. */
export interface BuildReport {
  path: string;
  /** The number of rows of each split. */
  splits: Record<string, number>;
  /** The files that were left out, and why. */
  leftOut?: LeftOut[];
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
  /** The downloaded files that it reads from `from`, for messages; absent if it reads none. */
  downloads?: string;
  /**
   * Why the dataset cannot be built on this machine, and what to do about it; null if it can be built.
   * @param from the folder or the archive with the downloaded files
   */
  unavailable(from?: string): Promise<string | null>;
  /** Builds the dataset at `target`, atomically. */
  build(target: string, options?: BuildOptions): Promise<BuildReport>;
}

/** The end of the description of a dataset that was built by this version of the builder. */
export const versionMark = ({ name, version }: DatasetBuilder): string => `(${name}, version ${version})`;

/** The description that is stored in the built dataset. */
export const infoOf = (builder: DatasetBuilder, title = builder.title) => ({
  description: `${title} ${versionMark(builder)}`,
  license: builder.license,
  homepage: builder.homepage,
});
