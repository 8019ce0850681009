/** What the server tells the page that it has: `material.json`. */

export interface SplitFiles {
  readonly name: string;
  readonly rows: number;
  /** Arrow IPC streams. */
  readonly urls: readonly string[];
}

export interface DataMaterial {
  readonly name: string;
  readonly splits: readonly SplitFiles[];
  /** Column of encoded pictures. */
  readonly image: string;
  /** Column of captions; null where there is none. */
  readonly captions: string | null;
  /** Column of class numbers and what the classes are called; null where there is none. */
  readonly label: { readonly column: string; readonly classNames: readonly string[] } | null;
}

/** A run of `npm run train`. */
export interface RunMaterial {
  readonly name: string;
  readonly config: string;
  readonly tokenizer: string;
  readonly model: string;
  /** The run's own data: the pictures that are searched. */
  readonly data: DataMaterial;
}

export interface Material {
  /** What the page trains on. */
  readonly training: DataMaterial;
  /** Null where no run was given. */
  readonly run: RunMaterial | null;
}

export const materialUrl = '/material.json';
