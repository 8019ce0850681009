/** Files of HTTP servers, read in ranges: requests are repeated where that can help, and a file that changes is an error. */
import { errorMessage } from '../io/file-system.ts';
import type { ByteSource } from './source.ts';

/** Sends a request. The stores add their signatures here. */
export type Send = (url: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Response>;

export interface HttpOptions {
  readonly send: Send;
  /** How often a request is sent at most. */
  readonly attempts: number;
  /** A request ends if nothing arrives for this time, in milliseconds. */
  readonly stallMs: number;
  /** The wait before the second attempt, in milliseconds; it doubles with each further one. */
  readonly backoffMs: number;
}

export const httpDefaults: HttpOptions = {
  send: (url, headers, signal) => fetch(url, { headers, signal }),
  attempts: 6,
  stallMs: 30_000,
  backoffMs: 500,
};

/** A request costs about as long as this many bytes. */
const gap = 256 * 1024;

/** Answers after which the same request can succeed. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The longest wait that a server can ask for. */
const longestWaitMs = 60_000;

/** A failure that repeating does not change. */
class FinalError extends Error {}

/** A failure that may pass. */
class PassingError extends Error {
  readonly waitMs: number;
  constructor(problem: string, waitMs = 0) {
    super(problem);
    this.waitMs = waitMs;
  }
}

/** What the store said about a refusal, shortened. */
async function refusal(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  const about = text
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return `the server answered ${response.status} ${response.statusText}${about === '' ? '' : ` (${about.slice(0, 200)})`}`;
}

function failure(response: Response, text: string): Error {
  if (!passing.has(response.status)) return new FinalError(text);
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return new PassingError(text, Number.isFinite(seconds) ? Math.min(longestWaitMs, seconds * 1000) : 0);
}

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** Runs one attempt after the other until one succeeds. @throws the last failure, with the address and the number of attempts */
async function attempt<T>(
  title: string,
  { attempts, backoffMs }: HttpOptions,
  body: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let k = 1; ; k++) {
    try {
      return await body();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FinalError) throw new Error(`${title}: ${error.message}`);
      if (k >= attempts) throw new Error(`${title}: ${errorMessage(error)}; ${k} attempts failed`, { cause: error });
      const asked = error instanceof PassingError ? error.waitMs : 0;
      await pause(Math.max(asked, backoffMs * 2 ** (k - 1)), signal);
    }
  }
}

/** Sends a request and passes its body on piece by piece. Ends it if nothing arrives for a while. */
async function receive<T>(
  url: string,
  headers: Record<string, string>,
  { send, stallMs }: HttpOptions,
  use: (response: Response, arrived: () => void) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = (reason: unknown): void => controller.abort(reason);
  const arrived = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop(new PassingError(`nothing arrived for ${stallMs / 1000} seconds`)), stallMs);
  };
  const cancel = (): void => stop(signal?.reason);
  signal?.addEventListener('abort', cancel);
  arrived();
  try {
    return await use(await send(url, headers, controller.signal), arrived);
  } catch (error) {
    const reason = controller.signal.aborted ? (controller.signal.reason as Error) : error;
    if (reason instanceof FinalError || reason instanceof PassingError) throw reason;
    const cause = (reason as Error).cause;
    throw new PassingError(`${errorMessage(reason)}${cause instanceof Error ? ` (${cause.message})` : ''}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
    controller.abort();
  }
}

/** What identifies a version of a file. */
const tagOf = ({ headers }: Response): string => headers.get('etag') ?? headers.get('last-modified') ?? '';

/** `If-Match` compares strong tags only. */
const condition = (tag: string): Record<string, string> => (/^"/.test(tag) ? { 'if-match': tag } : {});

const changed = new FinalError('changed while it was in use; start again with the file as it is now');

/** The answer to a first request for one byte. */
interface FileFacts {
  readonly size: number;
  readonly tag: string;
}

function factsOf(response: Response): FileFacts {
  const total = /^bytes (?:[\d-]+|\*)\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  // A range of an empty file cannot be satisfied.
  if (response.status === 416) return { size: Number(total ?? 0), tag: tagOf(response) };
  if (response.status === 200 && response.headers.get('content-length') === '0')
    return { size: 0, tag: tagOf(response) };
  if (response.status === 200)
    throw new FinalError('the server sends whole files only (200 instead of 206); download the file first');
  if (total === undefined) throw new FinalError('the server does not say how large the file is; download it first');
  return { size: Number(total), tag: tagOf(response) };
}

/**
 * Opens a file of a server that answers range requests.
 *
 * @param url where the file is
 * @param title the file's name in messages. Default: the URL
 * @throws if the file cannot be reached, or the server sends whole files only; the message names the file
 */
export async function openHttp(
  url: string,
  options: Partial<HttpOptions> = {},
  title: string = url,
): Promise<ByteSource> {
  const settings = { ...httpDefaults, ...options };
  const facts = await attempt(title, settings, () =>
    receive(url, { range: 'bytes=0-0' }, settings, async (response) => {
      if (response.ok || response.status === 416) return factsOf(response);
      throw failure(response, await refusal(response));
    }),
  );
  const { size, tag } = facts;
  return {
    url: title,
    size,
    tag,
    gap,
    async read(start, end, signal) {
      if (start < 0 || end > size || start > end)
        throw new RangeError(`${title}: bytes ${start} to ${end} of a file of ${size} bytes`);
      const bytes = new Uint8Array(end - start);
      let done = 0;
      const more = (): Promise<void> =>
        receive(
          url,
          { range: `bytes=${start + done}-${end - 1}`, ...condition(tag) },
          settings,
          async (response, arrived) => {
            await checkPart(response, facts, start + done, end);
            for await (const chunk of response.body ?? []) {
              arrived();
              if (chunk.byteLength > bytes.byteLength - done)
                throw new PassingError(
                  `the server sent more than the ${end - start} bytes of bytes ${start} to ${end}`,
                );
              bytes.set(chunk, done);
              done += chunk.byteLength;
            }
            if (done < bytes.byteLength)
              throw new PassingError(`the answer ended after ${done} of ${bytes.byteLength} bytes`);
          },
          signal,
        );
      if (bytes.byteLength > 0) await attempt(title, settings, more, signal);
      return bytes;
    },
    close: () => undefined,
  };
}

/** @throws unless the answer is the asked part of the file that was opened */
async function checkPart(response: Response, { size, tag }: FileFacts, start: number, end: number): Promise<void> {
  if (response.status === 412 || response.status === 416) throw changed;
  if (!response.ok) throw failure(response, await refusal(response));
  const now = tagOf(response);
  if (tag !== '' && now !== '' && now !== tag) throw changed;
  if (response.status === 200) {
    if (start === 0 && end === size) return;
    throw new FinalError('the server sends whole files only (200 instead of 206); download the file first');
  }
  const range = response.headers.get('content-range');
  if (range !== `bytes ${start}-${end - 1}/${size}`) {
    const other = /\/(\d+)$/.exec(range ?? '')?.[1];
    if (other !== undefined && Number(other) !== size) throw changed;
    throw new PassingError(`asked for bytes ${start} to ${end - 1} of ${size}, the server sent ${range}`);
  }
}

/** Reads a small text, such as a list of files. @throws like `openHttp` */
export async function readHttpText(
  url: string,
  options: Partial<HttpOptions>,
  title: string,
): Promise<{ readonly text: string; readonly headers: Headers }> {
  const settings = { ...httpDefaults, ...options };
  return attempt(title, settings, () =>
    receive(url, {}, settings, async (response) => {
      if (!response.ok) throw failure(response, await refusal(response));
      return { text: await response.text(), headers: response.headers };
    }),
  );
}
