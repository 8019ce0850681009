/** The interface of the files of a download. */

/** Files by their names, wherever they are stored. */
export interface SourceFiles {
  /** The folder or archive, for messages. */
  readonly where: string;
  /** Paths with `/` between their parts, sorted. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** @throws if the file is missing or damaged; the message names it and its folder or archive */
  read(name: string): Promise<Uint8Array>;
  /** The content in pieces, for files that are too large for the memory. @throws as `read`, also between the pieces */
  stream(name: string): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
