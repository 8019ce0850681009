/** The server of the page. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Connect, type Plugin, preview } from 'vite';
import { materialUrl } from '../shared/material.ts';
import { describeMaterial, type MaterialSources, type ServedMaterial } from './material.ts';

/** With both headers a page is cross-origin isolated, which shared memory between threads requires. */
const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ServerOptions extends MaterialSources {
  /** 0: any free port. */
  readonly port: number;
  /** Folder for the built pages. Default: the example's `dist`. */
  readonly outDir?: string;
  /** HTML files of the example to build. Default: only `index.html`. */
  readonly pages?: readonly string[];
  /** Whether to send the headers for cross-origin isolation; without them WebAssembly has one thread. Default true. */
  readonly isolated?: boolean;
}

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds the pages and serves them with their data. */
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

/** Serves the description and the files that it lists, and no other files. */
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
