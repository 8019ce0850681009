/** The server of a trained model: checks each request, computes its answer in batches, and ends in order. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  browserAddress,
  checkAccess,
  commonHeaders,
  isCrossSite,
  isLoopback,
  knownNames,
  pagePolicy,
} from '@tessera/http';
import type { LoadedModel } from '@tessera/train';
import { Admission } from './admission.ts';
import { allowedOrigin, corsHeaders, preflightHeaders } from './cors.ts';
import { ImageDecoder } from './decode-images.ts';
import { answerType, type Endpoint, type EndpointName, type Endpoints, endpointsOf } from './endpoints.ts';
import { HttpServer } from './http-server.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { abilities, describeModel } from './model-card.ts';
import { ModelWorker } from './model-worker.ts';
import { openApiDocument } from './openapi.ts';
import { pageFiles } from './page/page-files.ts';
import { renderModelPage } from './page/render-page.ts';
import { readInput } from './read-input.ts';
import { errorReply, jsonReply, type Reply, reply } from './reply.ts';
import { RequestError } from './request-error.ts';
import type { Answers } from './schemas.ts';
import { PictureShelf, type SearchedImages } from './searched-images.ts';

/** A model to serve, and how. */
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

/** A running server. */
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
  const document = openApiDocument(card, limits, token !== null);

  /** The answers without a body, by their addresses. */
  const readable: ReadonlyMap<string, (request: IncomingMessage) => Reply> = new Map([
    [
      '/',
      ({ headers }: IncomingMessage) =>
        reply(pageType, renderModelPage(card, `http://${headers.host}`, token !== null)),
    ],
    ...Array.from(pageFiles, ([path, { type, content }]) => [path, () => reply(type, content)] as const),
    ['/model', () => jsonReply(card satisfies Answers['model'])],
    [
      '/health',
      () =>
        jsonReply({
          status: 'ok',
          requests: admission.running,
          waiting: worker.queue.waiting,
          uptimeSeconds: Math.round(performance.now() - started) / 1000,
        } satisfies Answers['health']),
    ],
    ['/openapi.json', () => jsonReply(document)],
  ]);

  const compute = async (
    name: EndpointName,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Reply> => {
    const endpoint = endpointNamed(endpoints, name);
    if (endpoint.inability !== null)
      throw new RequestError(409, `a run of the task ${card.task} ${endpoint.inability}; it can ${abilities(card)}`, {
        Connection: 'close',
      });
    const accepted = answerType(endpoint, request.headers.accept);
    return admission.run(response, async (signal, progress) => {
      const input = await readInput(request, query, endpoint.schema, limits, signal);
      progress.stage = 'computing';
      return endpoint.answer(input, accepted, signal);
    });
  };

  const thumbnail = async (hash: string): Promise<Reply> => {
    const picture = pictures?.picture(hash) ?? null;
    if (picture === null) throw new RequestError(404, 'there is no image with this hash');
    return reply('image/webp', await picture, { 'Cache-Control': 'private, max-age=86400, immutable' });
  };

  const route = async (url: URL, request: IncomingMessage, response: ServerResponse): Promise<Reply> => {
    const path = url.pathname;
    const isPost = isEndpoint(path.slice(1), endpoints);
    const [, hash] = /^\/thumbnails\/([^/]+)$/.exec(path) ?? [];
    const read = readable.get(path);
    if (!isPost && hash === undefined && read === undefined)
      throw new RequestError(404, `there is nothing at ${path}; /openapi.json lists what there is`);
    const isReading = request.method === 'GET' || request.method === 'HEAD';
    if (isPost ? request.method !== 'POST' : !isReading) {
      const method = isPost ? 'POST' : 'GET';
      throw new RequestError(405, `${path}: use ${method}`, { Allow: method });
    }
    if (isPost) return compute(path.slice(1) as EndpointName, url.searchParams, request, response);
    return hash === undefined ? (read as (request: IncomingMessage) => Reply)(request) : thumbnail(hash);
  };

  const server = new HttpServer({
    seconds: limits.seconds,
    headers: { ...commonHeaders, 'Content-Security-Policy': pagePolicy(), 'Cache-Control': 'no-store' },
    onError,
    async answer(request, response) {
      const { headers, url: target = '/' } = request;
      const origin = allowedOrigin(headers, cors);
      const shared = origin === null ? {} : corsHeaders(origin);
      if (origin !== null && request.method === 'OPTIONS')
        return { status: 204, headers: { ...shared, ...preflightHeaders }, body: '' };
      const verdict = checkAccess(target, headers, { ...access, port: server.port });
      if (verdict.kind === 'refused') throw new RequestError(verdict.status, verdict.error, shared);
      if (verdict.kind === 'moved') return { status: 303, headers: verdict.headers, body: '' };
      // A link from another site may open the page, but its scripts and forms may not use the model.
      const isOpened = headers['sec-fetch-mode'] === 'navigate' && request.method === 'GET';
      if (origin === null && !isOpened && isCrossSite(headers))
        throw new RequestError(403, 'pages of other sites cannot use the model; see --cors');
      if (server.isClosing) throw new RequestError(503, 'the server ends', shared);
      const own = await route(new URL(target, 'http://localhost'), request, response).catch((error: unknown) =>
        errorReply(error, onError),
      );
      return { ...own, headers: { ...own.headers, ...shared } };
    },
  });
  await server.listen({ host, port, anyPort });
  return {
    url: browserAddress(host, server.port, token),
    port: server.port,
    close: async () => {
      await server.close();
      await worker.queue.settled();
    },
  };
}

const pageType = 'text/html; charset=utf-8';

const isEndpoint = (name: string, endpoints: Endpoints): name is EndpointName => Object.hasOwn(endpoints, name);

const endpointNamed = (endpoints: Endpoints, name: EndpointName): Endpoint => endpoints[name] as unknown as Endpoint;
