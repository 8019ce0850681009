/** How many requests are at work, and for how long. */
import type { ServerResponse } from 'node:http';
import { RequestError } from './request-error.ts';

/** Where a request is. */
export interface Progress {
  /** What the client is told where it takes too long: its body has not arrived, or the model is busy. */
  stage: 'reading' | 'computing';
}

export class Admission {
  readonly #most: number;
  readonly #seconds: number;
  readonly #secondsToWait: () => number;
  #running = 0;

  /**
   * @param most requests at the same time
   * @param seconds for each request
   * @param secondsToWait after which a refused client may try again
   */
  constructor(most: number, seconds: number, secondsToWait: () => number) {
    this.#most = most;
    this.#seconds = seconds;
    this.#secondsToWait = secondsToWait;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Runs the work of a request. Its signal is aborted when its time is over or its client has gone.
   *
   * @throws RequestError where too many requests are at work (429), or the time is over (408, 503)
   */
  async run<T>(response: ServerResponse, work: (signal: AbortSignal, progress: Progress) => Promise<T>): Promise<T> {
    const retry = (): Record<string, string> => ({ 'Retry-After': String(this.#secondsToWait()) });
    if (this.#running >= this.#most)
      throw new RequestError(429, `${this.#running} requests wait already: try again later`, retry());
    const controller = new AbortController();
    const { signal } = controller;
    const progress: Progress = { stage: 'reading' };
    const timer = setTimeout(() => {
      const error =
        progress.stage === 'reading'
          ? new RequestError(408, `the body has not arrived within ${this.#seconds} s`, { Connection: 'close' })
          : new RequestError(503, `there is no answer within ${this.#seconds} s: the model is busy`, retry());
      controller.abort(error);
    }, 1000 * this.#seconds);
    const onClose = (): void => controller.abort(new RequestError(499, 'the client has gone'));
    response.once('close', onClose);
    const over = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    over.catch(() => undefined);
    this.#running++;
    // What the model has begun takes its time, also where its client no longer waits.
    const job = work(signal, progress).finally(() => this.#running--);
    try {
      return await Promise.race([job, over]);
    } finally {
      clearTimeout(timer);
      response.off('close', onClose);
    }
  }
}
