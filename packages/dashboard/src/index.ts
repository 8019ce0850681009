/** The dashboard: a local page that follows, shows and compares training runs. */
export { type PageFiles, pageFiles } from './server/page-files.ts';
export { type Dashboard, type DashboardOptions, serveDashboard } from './server/serve.ts';
