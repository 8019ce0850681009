/** Files as bytes that can be read in ranges, wherever they are. */

/** One file whose bytes can be read in ranges. */
export interface ByteSource {
  /** The file's path or address, for messages. */
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  /** Differs between two contents of the same address, as far as the store can tell: an ETag, or the time of the last change. */
  readonly tag: string;
  /** Reading this many bytes takes about as long as a request, so two ranges with a smaller gap are read as one. */
  readonly gap: number;
  /**
   * Bytes `start` to `end`, without `end`.
   * @throws for a range beyond the file's end, for a file that changed, or that cannot be read; the message names the file
   */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** As `read`, for files of this machine; undefined for others. */
  readonly readSync?: (start: number, end: number) => Uint8Array<ArrayBuffer>;
  close(): void;
}

/** Where files are. */
export interface Store {
  /**
   * The addresses of the files that a pattern names, in order: `{00..12}` and `{a,b}` are expanded everywhere, `*`, `?` and `**` match
   * where the store can list its files.
   * @throws if nothing matches; the message names the pattern
   */
  list(pattern: string): Promise<string[]>;
  /** @throws if the file is missing or cannot be read; the message names it */
  open(url: string): Promise<ByteSource>;
}
