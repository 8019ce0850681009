export type { MaterialSources } from './server/material.ts';
export { type PageServer, type ServerOptions, servePages } from './server/serve.ts';
