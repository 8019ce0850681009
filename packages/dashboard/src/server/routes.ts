/** What is answered at each address of the interface. */
import { createReadStream, promises as fs } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { NotFoundError, type RunLibrary } from '../library/library.ts';
import { pictureTypes } from '../library/pictures.ts';
import {
  type CurvesResponse,
  type EvaluationsResponse,
  type Library,
  paths,
  type RunDetail,
  type SettingsResponse,
  type SweepDetail,
} from '../shared/api.ts';
import { curvesRequest, RequestError, readBody, runsRequest } from './check-request.ts';
import type { EventStream } from './events.ts';
import { headersFor } from './headers.ts';

interface Route {
  readonly method: 'GET' | 'POST';
  answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> | void;
}

/** Routes by their address, with a slash at the beginning. */
export type Routes = ReadonlyMap<string, Route>;

function sendJson<T>(response: ServerResponse, value: T): void {
  response.writeHead(200, headersFor('page', { 'Content-Type': 'application/json; charset=utf-8' }));
  response.end(JSON.stringify(value));
}

/** A value of the address. @throws RequestError where it is missing */
function parameter(url: URL, name: string): string {
  const value = url.searchParams.get(name);
  if (value === null) throw new RequestError(`the address lacks ${name}`);
  return value;
}

async function sendFile(response: ServerResponse, path: string, type: string, kind: 'page' | 'report'): Promise<void> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat === null) throw new NotFoundError(`${path}: there is no such file`);
  response.writeHead(200, headersFor(kind, { 'Content-Type': type, 'Content-Length': stat.size }));
  // The file may be replaced meanwhile: then the page asks again.
  await pipeline(createReadStream(path, { end: Math.max(0, stat.size - 1) }), response).catch(() => response.destroy());
}

/** The interface of a library. */
export function routesOf(library: RunLibrary, events: EventStream): Routes {
  const get = (answer: Route['answer']): Route => ({ method: 'GET', answer });
  const post = (answer: (body: unknown) => Promise<object>): Route => ({
    method: 'POST',
    async answer(request, response) {
      sendJson(response, await answer(await readBody(request)));
    },
  });
  const routes: Record<keyof typeof paths, Route> = {
    library: get(async (_, response) => {
      // Without an open page nobody has looked at the files lately.
      if (events.clients === 0) await library.look();
      sendJson<Library>(response, library.data());
    }),
    events: get((_, response) => events.add(response)),
    curves: post(async (body): Promise<CurvesResponse> => ({ runs: await library.curves(curvesRequest(body)) })),
    evaluations: post(
      async (body): Promise<EvaluationsResponse> => ({ runs: await library.evaluations(runsRequest(body).runs) }),
    ),
    settings: post(async (body): Promise<SettingsResponse> => ({ runs: library.settings(runsRequest(body).runs) })),
    run: get(async (_, response, url) => sendJson<RunDetail>(response, await library.detail(parameter(url, 'run')))),
    sweep: get((_, response, url) => sendJson<SweepDetail>(response, library.sweep(parameter(url, 'sweep')))),
    picture: get(async (_, response, url) => {
      const path = await library.picturePath(parameter(url, 'run'), parameter(url, 'name'));
      const type = pictureTypes[extname(path).toLowerCase()] ?? 'application/octet-stream';
      await sendFile(response, path, type, 'page');
    }),
    table: get(async (_, response, url) => {
      const { name, lines } = await library.table(parameter(url, 'run'));
      const type = {
        'Content-Type': 'text/csv; charset=utf-8',
        'Content-Disposition': `attachment; filename="${name}"`,
      };
      response.writeHead(200, headersFor('page', type));
      await pipeline(Readable.from(lines), response).catch(() => response.destroy());
    }),
    report: get((_, response, url) =>
      sendFile(response, library.reportPath(parameter(url, 'run')), 'text/html; charset=utf-8', 'report'),
    ),
  };
  return new Map(Object.entries(paths).map(([name, path]) => [`/${path}`, routes[name as keyof typeof paths]]));
}
