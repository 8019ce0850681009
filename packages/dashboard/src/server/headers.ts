/** Headers of all answers. */
import type { OutgoingHttpHeaders } from 'node:http';

/** What the page may load: its own scripts, styles and pictures, and nothing from elsewhere. Its report is shown in a frame. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

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

const common: OutgoingHttpHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

export const headersFor = (kind: 'page' | 'report', more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
  ...common,
  'Content-Security-Policy': kind === 'page' ? pagePolicy : reportPolicy,
  'Cache-Control': 'no-store',
  ...more,
});
