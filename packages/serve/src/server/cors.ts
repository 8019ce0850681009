/** Pages of other sites that may use the server: Cross-Origin Resource Sharing (Fetch standard). */
import type { IncomingHttpHeaders } from 'node:http';

/** The origin of a request where it is one of those allowed; null elsewhere. */
export function allowedOrigin({ origin }: IncomingHttpHeaders, allowed: readonly string[]): string | null {
  if (origin === undefined) return null;
  return allowed.includes('*') || allowed.includes(origin) ? origin : null;
}

/** Headers of an answer to a page of an allowed origin. Cookies are not sent along; a token is, in the header Authorization. */
export const corsHeaders = (origin: string): Readonly<Record<string, string>> => ({
  'Access-Control-Allow-Origin': origin,
  'Access-Control-Expose-Headers': 'Retry-After, X-Embedding-Shape, X-Embedding-Dtype',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  Vary: 'Origin',
});

/** More headers of the answer to a question whether a request may be sent (preflight). */
export const preflightHeaders = {
  'Access-Control-Allow-Methods': 'GET, POST',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Accept',
  'Access-Control-Max-Age': '600',
} as const;
