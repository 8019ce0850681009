/** The server of the page: checks each request, then answers with the interface or with a file of the page. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { errorCode, errorMessage } from '@tessera/data/io';
import { NotFoundError, RunLibrary } from '../library/library.ts';
import type { ErrorResponse } from '../shared/api.ts';
import { RequestError } from './check-request.ts';
import { EventStream } from './events.ts';
import { type Access, isCrossSite, isKnownHost, isLoopback, tokenCookie, tokenPlace } from './guard.ts';
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
  const access = { hosts: [hostname(), ...hosts].map((name) => name.toLowerCase()), token };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { port } = addressOf(server);
    if (!isKnownHost(request.headers.host, access))
      return refuse(
        response,
        421,
        `the address ${request.headers.host ?? ''} is not one of this server's; see --allow-host`,
      );
    const url = new URL(request.url ?? '/', 'http://localhost');
    const place = tokenPlace(url, request.headers, { ...access, port });
    if (place === 'none')
      return refuse(response, 401, 'the token is missing or wrong: open the address that the dashboard printed');
    if (place === 'address' && url.pathname === '/') return moveToken(response, url, { ...access, port });
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
  await listen(server, host, port, anyPort);
  const { port: actual } = addressOf(server);
  const shown = host === '0.0.0.0' || host === '::' ? hostname() : host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${actual}/${token === null ? '' : `?token=${token}`}`,
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

/** Moves the token from the address to a cookie, so that it is neither shown nor copied along with a link. */
function moveToken(response: ServerResponse, url: URL, access: Access): void {
  url.searchParams.delete('token');
  const headers = { 'Set-Cookie': tokenCookie(access), Location: `./${url.search}` };
  response.writeHead(303, headersFor('page', headers));
  response.end();
}

function addressOf(server: Server): { port: number } {
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function listen(server: Server, host: string, port: number, anyPort: boolean): Promise<void> {
  const attempt = (on: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(on, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await attempt(port);
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw error;
    if (!anyPort) throw new Error(`port ${port} of ${host} is in use; choose another with --port`, { cause: error });
    await attempt(0);
  }
}
