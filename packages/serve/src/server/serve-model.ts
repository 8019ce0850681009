/** The server of a trained model: checks each request, computes its answer in batches, and ends in order. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorMessage } from '@tessera/data/io';
import {
  browserAddress,
  checkAccess,
  commonHeaders,
  isCrossSite,
  isLoopback,
  knownNames,
  listenOn,
  pagePolicy,
} from '@tessera/http';
import type { LoadedModel } from '@tessera/train';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { Admission } from './admission.ts';
import { allowedOrigin, corsHeaders, preflightHeaders } from './cors.ts';
import { ImageDecoder } from './decode-images.ts';
import { answerType, type Endpoint, type EndpointName, type Endpoints, endpointsOf } from './endpoints.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { abilities, describeModel } from './model-card.ts';
import { ModelWorker } from './model-worker.ts';
import { openApiDocument } from './openapi.ts';
import { pageFiles } from './page/page-files.ts';
import { renderModelPage } from './page/render-page.ts';
import { readInput } from './read-input.ts';
import { RequestError } from './request-error.ts';
import type { Answers } from './schemas.ts';
import { PictureShelf, type SearchedImages } from './searched-images.ts';

export interface ServeOptions {
  readonly model: LoadedModel;
  /** What the model is called, such as the name of its run. */
  readonly name: string;
  /** The images that can be searched. Default: none. */
  readonly search?: SearchedImages | null;
  /** Address to listen on. Default: only this machine. */
  readonly host?: string;
  /** 0: any free port. Default 0. */
  readonly port?: number;
  /** Whether another free port is used where `port` is in use. Default false. */
  readonly anyPort?: boolean;
  /** Needed where other machines can reach the server. */
  readonly token?: string | null;
  /** More names under which the server may be called, as behind a proxy. */
  readonly hosts?: readonly string[];
  /** Origins whose pages may use the server, such as https://example.org, or *. Default: none. */
  readonly cors?: readonly string[];
  /** The largest number of images or texts that are computed together. Default 32. */
  readonly batchSize?: number;
  readonly limits?: Partial<Limits>;
  /** Called with errors that are the server's own; its clients are not told what they were. Default: none are reported. */
  readonly onError?: (error: unknown) => void;
}

export interface ModelServer {
  /** The address for a browser, with the token if one is needed. */
  readonly url: string;
  readonly port: number;
  /** Accepts no more requests, and resolves when all that have begun are answered. */
  close(): Promise<void>;
}

/**
 * Starts the server.
 *
 * @throws where the address is in use, or other machines could reach the server without a token
 */
export async function serveModel({
  model,
  name,
  search = null,
  host = '127.0.0.1',
  port = 0,
  anyPort = false,
  token = null,
  hosts = [],
  cors = [],
  batchSize = 32,
  limits: asked = {},
  onError = () => undefined,
}: ServeOptions): Promise<ModelServer> {
  if (!isLoopback(host) && token === null)
    throw new Error(`serve: other machines can reach ${host}, so a token is needed`);
  const limits = { ...defaultLimits, ...asked };
  const card = await describeModel({ model, name, search, batchSize, limits });
  const worker = new ModelWorker(model, batchSize);
  const endpoints = endpointsOf({ card, limits, worker, search, decoder: new ImageDecoder(model, limits) });
  const admission = new Admission(limits.requests, limits.seconds, () => worker.queue.secondsToWait);
  const pictures = search === null ? null : new PictureShelf(search);
  const access = { server: 'serve', hosts: knownNames(hosts), token };
  const started = performance.now();

  const readable = new Set(['/model', '/health', '/openapi.json', '/', ...pageFiles.keys()]);

  const app = createApp(limits);
  let isClosing = false;

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...commonHeaders, 'Content-Security-Policy': pagePolicy(), 'Cache-Control': 'no-store' });
    if (isClosing) reply.header('Connection', 'close');
    const { headers } = request;
    const origin = allowedOrigin(headers, cors);
    if (origin !== null) {
      reply.headers(corsHeaders(origin));
      if (request.method === 'OPTIONS') return reply.code(204).headers(preflightHeaders).send();
    }
    const verdict = checkAccess(request.url, headers, { ...access, port: addressOf(app).port });
    if (verdict.kind === 'refused') throw new RequestError(verdict.status, verdict.error);
    if (verdict.kind === 'moved') return reply.code(303).headers(verdict.headers).send();
    // A link from another site may open the page, but its scripts and forms may not use the model.
    const isOpened = headers['sec-fetch-mode'] === 'navigate' && request.method === 'GET';
    if (origin === null && !isOpened && isCrossSite(headers))
      throw new RequestError(403, 'pages of other sites cannot use the model; see --cors');
    return undefined;
  });
  app.addHook('onSend', async (_, reply) => {
    if (isClosing) reply.header('Connection', 'close');
  });

  app.setErrorHandler((error, _, reply) => sendError(reply, error, onError));
  app.setNotFoundHandler((request) => {
    const path = pathOf(request);
    const isPost = Object.hasOwn(endpoints, path.slice(1));
    if (!isPost && !readable.has(path))
      throw new RequestError(404, `there is nothing at ${path}; /openapi.json lists what there is`);
    const method = isPost ? 'POST' : 'GET';
    throw new RequestError(405, `${path}: use ${method}`, { Allow: method });
  });

  for (const path of Object.keys(endpoints) as EndpointName[])
    app.post(`/${path}`, async (request, reply) => {
      const endpoint = endpointNamed(endpoints, path);
      if (endpoint.inability !== null)
        throw new RequestError(409, `a run of the task ${card.task} ${endpoint.inability}; it can ${abilities(card)}`, {
          Connection: 'close',
        });
      const accepted = answerType(endpoint, request.headers.accept);
      const { type, headers, body } = await admission.run(reply.raw, async (signal, progress) => {
        const input = await readInput(request.raw, queryOf(request), endpoint.schema, limits, signal);
        progress.stage = 'computing';
        return endpoint.answer(input, accepted, signal);
      });
      return reply
        .headers(headers ?? {})
        .type(type)
        .send(body);
    });

  app.get('/model', async (): Promise<Answers['model']> => card);
  app.get(
    '/health',
    async (): Promise<Answers['health']> => ({
      status: 'ok',
      requests: admission.running,
      waiting: worker.queue.waiting,
      uptimeSeconds: Math.round(performance.now() - started) / 1000,
    }),
  );
  const document = openApiDocument(card, limits, token !== null);
  app.get('/openapi.json', async () => document);
  app.get<{ Params: { readonly hash: string } }>('/thumbnails/:hash', async ({ params: { hash } }, reply) => {
    const picture = pictures?.picture(hash) ?? null;
    if (picture === null) throw new RequestError(404, 'there is no image with this hash');
    return reply
      .type('image/webp')
      .header('Cache-Control', 'private, max-age=86400, immutable')
      .send(await picture);
  });
  for (const [path, { type, content }] of pageFiles) app.get(path, async (_, reply) => reply.type(type).send(content));
  app.get('/', async ({ headers }, reply) =>
    reply.type('text/html; charset=utf-8').send(renderModelPage(card, `http://${headers.host}`, token !== null)),
  );

  await listenOn((on) => app.listen({ host, port: on }), { host, port, anyPort });
  const actual = addressOf(app).port;
  return {
    url: browserAddress(host, actual, token),
    port: actual,
    close: async () => {
      isClosing = true;
      await app.close();
      await worker.queue.settled();
    },
  };
}

const endpointNamed = (endpoints: Endpoints, name: EndpointName): Endpoint => endpoints[name] as unknown as Endpoint;

const queryOf = ({ url }: FastifyRequest): URLSearchParams => new URL(url, 'http://localhost').searchParams;
const pathOf = ({ url }: FastifyRequest): string => new URL(url, 'http://localhost').pathname;

const addressOf = ({ server }: FastifyInstance): { readonly port: number } =>
  (server.address() as AddressInfo | null) ?? { port: 0 };

/** The application without its routes. It hands bodies over unread. */
function createApp({ seconds }: Limits): FastifyInstance {
  const app = fastify({
    forceCloseConnections: 'idle',
    // Of a slow sender; then 408.
    requestTimeout: 1000 * seconds,
    exposeHeadRoutes: true,
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (error, _, reply) => sendError(reply, error, () => undefined),
    clientErrorHandler(error, socket) {
      if (!socket.writable) return;
      const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
      const body = JSON.stringify({
        error: isSlow ? `the request has not arrived within ${seconds} s` : 'this is not HTTP',
      });
      socket.end(
        `HTTP/1.1 ${isSlow ? '408 Request Timeout' : '400 Bad Request'}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    (_: FastifyRequest, body: IncomingMessage, done: (error: null, body: IncomingMessage) => void) => done(null, body),
  );
  return app;
}

/** Answers with an error. Of errors that are not the client's, it is told only that there was one. */
function sendError(reply: FastifyReply, error: unknown, onError: (error: unknown) => void): FastifyReply {
  if (error instanceof RequestError)
    return reply
      .code(error.status)
      .headers(error.headers)
      .send({ error: error.message } satisfies Answers['error']);
  const status = (error as { readonly statusCode?: number }).statusCode ?? 500;
  if (status < 500) return reply.code(status).send({ error: errorMessage(error) } satisfies Answers['error']);
  if (status === 503) return reply.code(503).send({ error: 'the server ends' } satisfies Answers['error']);
  onError(error);
  return reply.code(500).send({ error: 'the server failed; its output says why' } satisfies Answers['error']);
}
