/** A file server for tests that can misbehave: it cuts, stalls, refuses ranges, changes files, and answers as S3 and the hub do. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server does with a request instead of answering it. Each fault counts down the requests that it spoils. */
type Fault =
  /** Sends half of the answer, and closes the connection. */
  | 'cut'
  /** Sends half of the answer, and nothing more. */
  | 'stall'
  | 'error 500'
  /** Answers 503 and says when to come back: at once. */
  | 'busy'
  | 'missing'
  /** Sends the whole file with 200. */
  | 'whole'
  /** Sends the whole file of another content. */
  | 'other range';

export interface FileServer {
  readonly url: string;
  readonly files: Map<string, Uint8Array>;
  /** The faults of the next requests, in order; null: a good answer. */
  readonly faults: (Fault | null)[];
  /** Method, path with query, and headers of the requests so far. */
  readonly requests: { readonly path: string; readonly headers: http.IncomingHttpHeaders }[];
  /** Answers requests for lists and the like; null: the request is for a file. */
  answer: ((url: URL, headers: http.IncomingHttpHeaders) => Answer | null) | null;
  close(): Promise<void>;
}

export interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

const etags = new WeakMap<Uint8Array, string>();

function etag(content: Uint8Array): string {
  const found = etags.get(content) ?? `"${createHash('md5').update(content).digest('hex')}"`;
  etags.set(content, found);
  return found;
}

/** Starts a server on a free port of this machine. */
export async function startFileServer(files: Record<string, Uint8Array> = {}): Promise<FileServer> {
  const server = http.createServer((request, response) => respond(state, request, response));
  const state: FileServer = {
    url: '',
    files: new Map(Object.entries(files)),
    faults: [],
    requests: [],
    answer: null,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function respond(server: FileServer, request: http.IncomingMessage, response: http.ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://server');
  server.requests.push({ path: `${url.pathname}${url.search}`, headers: request.headers });
  const fault = server.faults.shift() ?? null;
  if (fault === 'error 500') return void response.writeHead(500).end('<b>internal</b> trouble');
  if (fault === 'busy') return void response.writeHead(503, { 'retry-after': '0' }).end();
  const answer = server.answer?.(url, request.headers) ?? null;
  if (answer !== null) return void response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
  const content = server.files.get(decodeURIComponent(url.pathname));
  if (content === undefined || fault === 'missing') return void response.writeHead(404).end('no such file');
  const condition = request.headers['if-match'];
  if (condition !== undefined && condition !== etag(content)) return void response.writeHead(412).end();
  const range = fault === 'whole' ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (range === null) return void response.writeHead(200, { etag: etag(content) }).end(content);
  const shift = fault === 'other range' ? 1 : 0;
  const [start, end] = [Number(range[1]) - shift, Math.min(Number(range[2]) + 1, content.length) - shift];
  if (start >= content.length)
    return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
  const part = content.subarray(start, end);
  response.writeHead(206, {
    etag: etag(content),
    'content-length': part.length,
    'content-range': `bytes ${start}-${end - 1}/${content.length}`,
  });
  if (fault !== 'cut' && fault !== 'stall') return void response.end(part);
  response.write(part.subarray(0, Math.floor(part.length / 2)), () => {
    if (fault === 'cut') response.destroy();
  });
}
