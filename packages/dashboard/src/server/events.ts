/** Server-sent events: what has changed, to every open page. Files are looked at only while a page is open. */
import type { ServerResponse } from 'node:http';
import { errorMessage } from '@tessera/data/io';
import type { RunLibrary } from '../library/library.ts';
import type { LibraryChange } from '../shared/api.ts';
import { headersFor } from './headers.ts';

/** Between two signs of life, which keep proxies from closing the connection, in milliseconds. */
const heartbeat = 15_000;

const isEmpty = ({ runs, removed, sweeps }: LibraryChange): boolean =>
  runs.length === 0 && removed.length === 0 && sweeps === null;

export class EventStream {
  readonly #library: RunLibrary;
  /** Between two looks at the files, in milliseconds. */
  readonly #interval: number;
  readonly #clients = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | null = null;
  #lastSign = 0;
  #isClosed = false;

  constructor(library: RunLibrary, interval: number) {
    this.#library = library;
    this.#interval = interval;
  }

  /** The number of open pages. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Keeps an answer open, and sends it every change from now on. */
  add(response: ServerResponse): void {
    response.writeHead(200, headersFor('page', { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }));
    response.write('retry: 2000\n\n');
    this.#clients.add(response);
    response.on('close', () => {
      this.#clients.delete(response);
      if (this.#clients.size === 0) this.#pause();
    });
    this.#schedule();
  }

  /** Sends a change to every page. */
  send(change: LibraryChange): void {
    if (isEmpty(change)) return;
    this.#write(`data: ${JSON.stringify(change)}\n\n`);
  }

  /** Looks at the files, and sends what has changed. */
  async look(): Promise<void> {
    try {
      this.send(await this.#library.look());
    } catch (error) {
      this.#write(`event: problem\ndata: ${JSON.stringify({ error: errorMessage(error) })}\n\n`);
    }
    if (Date.now() - this.#lastSign > heartbeat) this.#write(': still here\n\n');
  }

  close(): void {
    this.#isClosed = true;
    this.#pause();
    for (const client of this.#clients) client.end();
  }

  #write(text: string): void {
    this.#lastSign = Date.now();
    for (const client of this.#clients) client.write(text);
  }

  #pause(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(): void {
    if (this.#timer !== null || this.#isClosed || this.#clients.size === 0) return;
    this.#timer = setTimeout(async () => {
      await this.look();
      this.#timer = null;
      this.#schedule();
    }, this.#interval);
  }
}
