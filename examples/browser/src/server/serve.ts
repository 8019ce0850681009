import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Connect, type Plugin, preview } from 'vite';
import { materialUrl } from '../shared/material.ts';
import { describeMaterial, type MaterialSources, type ServedMaterial } from './material.ts';

/** Pages share memory between threads only where both are sent: then `crossOriginIsolated` is true. */
const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ServerOptions extends MaterialSources {
  /** 0: any that is free. */
  readonly port: number;
  /** Where the built pages go; default: the example's `dist`. */
  readonly outDir?: string;
  /** HTML files of the example; default: `index.html` alone. */
  readonly pages?: readonly string[];
  /** Default true. Without isolation WebAssembly has one thread. */
  readonly isolated?: boolean;
}

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds the pages and serves them with their data, isolated, so that WebAssembly can have threads. */
export async function servePages(options: ServerOptions): Promise<PageServer> {
  const { port, outDir = join(root, 'dist'), pages = ['index.html'], isolated = true, ...sources } = options;
  const served = await describeMaterial(sources);
  const common = { configFile: join(root, 'vite.config.ts'), logLevel: 'error' } as const;
  const input = pages.map((page) => join(root, page));
  await build({ ...common, build: { outDir, emptyOutDir: true, rolldownOptions: { input } } });
  const server = await preview({
    ...common,
    build: { outDir },
    plugins: [serving(served)],
    preview: { port, strictPort: port !== 0, ...(isolated ? { headers: isolationHeaders } : {}) },
  });
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error('the server has no address');
  return { url, close: () => server.close() };
}

/** Answers with the description, and with the files that it names: no others. */
function serving({ material, files }: ServedMaterial): Plugin {
  const answer: Connect.NextHandleFunction = (request, response, next) => {
    const [path] = (request.url ?? '').split('?');
    if (path === materialUrl) {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(material));
      return;
    }
    const file = files.get(decodeURI(path ?? ''));
    if (file === undefined) return next();
    response.setHeader('Content-Type', 'application/octet-stream');
    createReadStream(file)
      .on('error', (error) => {
        if (response.headersSent) response.destroy(error);
        else response.writeHead(500).end(error.message);
      })
      .pipe(response);
  };
  return {
    name: 'tessera-material',
    configurePreviewServer: (server) => {
      server.middlewares.use(answer);
    },
  };
}
