/** Headers of all answers. */
import type { OutgoingHttpHeaders } from 'node:http';
import { commonHeaders, pagePolicy } from '@tessera/http';

/** A run's report is shown in a frame. */
const policyOfPage = pagePolicy(["frame-src 'self'"]);

/**
 * A report contains its own scripts, styles and pictures, and may come from anywhere. In a sandbox it has an origin of its own, so it
 * can read neither the page nor the server.
 */
const reportPolicy = [
  'sandbox allow-scripts allow-popups',
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "frame-ancestors 'self'",
].join('; ');

export const headersFor = (kind: 'page' | 'report', more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
  ...commonHeaders,
  'Content-Security-Policy': kind === 'page' ? policyOfPage : reportPolicy,
  'Cache-Control': 'no-store',
  ...more,
});
