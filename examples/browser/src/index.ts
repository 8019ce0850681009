/** The server of the example page, which `npm run browser` starts. */
export type { MaterialSources } from './server/material.ts';
export { type PageServer, type ServerOptions, servePages } from './server/serve.ts';
