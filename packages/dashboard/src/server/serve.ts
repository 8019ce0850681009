/** The server of the page: checks each request, then answers with the interface or with a file of the page. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorMessage } from '@tessera/data/io';
import { browserAddress, checkAccess, isCrossSite, isLoopback, knownNames, listenOn } from '@tessera/http';
import { NotFoundError, RunLibrary } from '../library/library.ts';
import type { ErrorResponse } from '../shared/api.ts';
import { RequestError } from './check-request.ts';
import { EventStream } from './events.ts';
import { headersFor } from './headers.ts';
import type { PageFiles } from './page-files.ts';
import { routesOf } from './routes.ts';

export interface DashboardOptions {
  /** The folder of all runs, or of one run or sweep. */
  readonly folder: string;
  /** The page's files: see `pageFiles`. */
  readonly page: PageFiles;
  /** Address to listen on. Default: only this machine. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  /** Whether another free port is used where `port` is in use. Default false. */
  readonly anyPort?: boolean;
  /** Needed where other machines can reach the server; null elsewhere. */
  readonly token?: string | null;
  /** More names under which the server may be called, as behind a proxy. */
  readonly hosts?: readonly string[];
  /** Between two looks at the files while a page is open, in milliseconds. Default 2000. */
  readonly interval?: number;
}

export interface Dashboard {
  /** The address for a browser, with the token if one is needed. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the server. It only reads files.
 *
 * @throws where the folder cannot be read, the address is in use, or other machines could reach the server without a token
 */
export async function serveDashboard({
  folder,
  page,
  host = '127.0.0.1',
  port = 0,
  anyPort = false,
  token = null,
  hosts = [],
  interval = 2000,
}: DashboardOptions): Promise<Dashboard> {
  if (!isLoopback(host) && token === null)
    throw new Error(`dashboard: other machines can reach ${host}, so a token is needed`);
  const library = new RunLibrary(folder, (id) => {
    const summary = library.data().runs.find((run) => run.id === id);
    // A new version lets the page ask for the curves again.
    if (summary !== undefined)
      events.send({ runs: [{ ...summary, version: `${summary.version}-indexed` }], removed: [], sweeps: null });
  });
  const events = new EventStream(library, interval);
  await library.look();
  const routes = routesOf(library, events);
  const access = { server: 'dashboard', hosts: knownNames(hosts), token };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = request.url ?? '/';
    const verdict = checkAccess(target, request.headers, { ...access, port: portOf(server) });
    if (verdict.kind === 'refused') return refuse(response, verdict.status, verdict.error);
    if (verdict.kind === 'moved') {
      response.writeHead(303, headersFor('page', verdict.headers));
      response.end();
      return;
    }
    const url = new URL(target, 'http://localhost');
    const route = routes.get(url.pathname);
    if (route === undefined) {
      const file = request.method === 'GET' ? page.get(url.pathname) : undefined;
      if (file === undefined) return refuse(response, 404, `there is nothing at ${url.pathname}`);
      response.writeHead(200, headersFor('page', { 'Content-Type': file.type }));
      response.end(file.content);
      return;
    }
    if (isCrossSite(request.headers)) return refuse(response, 403, 'pages of other sites cannot read runs');
    if (request.method !== route.method) return refuse(response, 405, `use ${route.method}`);
    await route.answer(request, response, url);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      const status = error instanceof NotFoundError ? 404 : error instanceof RequestError ? 400 : 500;
      if (response.headersSent) response.destroy();
      else refuse(response, status, errorMessage(error));
    });
  });
  await listenOn((on) => listen(server, on, host), { host, port, anyPort });
  const actual = portOf(server);
  return {
    url: browserAddress(host, actual, token),
    port: actual,
    close: () =>
      new Promise((resolve) => {
        events.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, headersFor('page', { 'Content-Type': 'application/json; charset=utf-8' }));
  response.end(JSON.stringify({ error } satisfies ErrorResponse));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
