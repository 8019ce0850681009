/** The HTTP side of the server: sends answers, and ends in order. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ListenOptions, listenOn } from '@tessera/http';
import { errorReply, type Reply } from './reply.ts';

export interface HttpServerOptions {
  /** Seconds in which a request has to arrive. */
  readonly seconds: number;
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  answer(request: IncomingMessage, response: ServerResponse): Promise<Reply>;
  /** Called with errors that are the server's own. */
  readonly onError: (error: unknown) => void;
}

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  /** Those that are not yet sent. */
  readonly #answers = new Set<ServerResponse>();
  #isClosing = false;
  #onEmpty: () => void = () => undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const limits = { requestTimeout: 1000 * options.seconds, headersTimeout: Math.min(60, options.seconds) * 1000 };
    this.#server = createServer(limits, (request, response) => void this.#respond(request, response));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (!socket.writable || error.code === 'ECONNRESET') return socket.destroy();
      const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
      const reason = isSlow ? `the request has not arrived within ${options.seconds} s` : 'this is not HTTP';
      const body = JSON.stringify({ error: reason });
      return socket.end(
        `HTTP/1.1 ${isSlow ? '408 Request Timeout' : '400 Bad Request'}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  listen(options: ListenOptions): Promise<void> {
    const attempt = (port: number): Promise<void> =>
      new Promise((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(port, options.host, () => {
          this.#server.off('error', reject);
          resolve();
        });
      });
    return listenOn(attempt, options);
  }

  /** Accepts no more connections, and resolves when the requests that have arrived are answered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    if (this.#answers.size > 0)
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    // Browsers open connections ahead of time, which would never end.
    this.#server.closeAllConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#answers.add(response);
    response.once('close', () => {
      this.#answers.delete(response);
      if (this.#answers.size === 0) this.#onEmpty();
    });
    const { answer, onError, headers } = this.#options;
    const {
      status,
      headers: own,
      body,
    } = await answer(request, response).catch((error: unknown) => errorReply(error, onError));
    if (response.destroyed) return;
    response.writeHead(status, {
      ...headers,
      ...own,
      // An answer without content has no length either (RFC 9110, section 8.6).
      ...(status !== 204 && { 'Content-Length': Buffer.byteLength(body) }),
      ...(this.#isClosing && { Connection: 'close' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}
