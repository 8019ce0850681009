/** The description of the served data, `material.json`. */

export interface SplitFiles {
  readonly name: string;
  readonly rows: number;
  /** Addresses of Arrow IPC streams. */
  readonly urls: readonly string[];
}

export interface DataMaterial {
  readonly name: string;
  readonly splits: readonly SplitFiles[];
  /** The column with the encoded images. */
  readonly image: string;
  /** The column with the captions; null for none. */
  readonly captions: string | null;
  /** The column with the class numbers, and the names of the classes; null for none. */
  readonly label: { readonly column: string; readonly classNames: readonly string[] } | null;
}

/** A run of `npm run train`. */
export interface RunMaterial {
  readonly name: string;
  readonly config: string;
  readonly tokenizer: string;
  readonly model: string;
  /** The data of the run, whose images are searched. */
  readonly data: DataMaterial;
}

export interface Material {
  /** The data that the page trains on. */
  readonly training: DataMaterial;
  /** The run to search with; null for none. */
  readonly run: RunMaterial | null;
}

/** The address of the description. */
export const materialUrl = '/material.json';
