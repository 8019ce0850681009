/** Who may read: the Host header against DNS rebinding, pages of other sites, and the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Name of the cookie that keeps the token. Cookies do not depend on the port, so its name does. */
const cookieName = (port: number): string => `tessera-dashboard-${port}`;

/** The rules of a server. */
export interface Access {
  /** Names under which the server may be called, besides localhost and IP addresses. Lower case. */
  readonly hosts: readonly string[];
  /** Null: none is needed. */
  readonly token: string | null;
  readonly port: number;
}

/** Whether an address that a server listens on can be reached only from its own machine. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/**
 * Whether a Host header is one that the server may be called by. A page of another site can let its own name lead to this server
 * (DNS rebinding), but then the browser sends that name; localhost and IP addresses are not names that it can own.
 */
export function isKnownHost(header: string | undefined, { hosts }: Pick<Access, 'hosts'>): boolean {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(header ?? '') ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  if (plain === undefined) return false;
  const name = plain.toLowerCase();
  return name === 'localhost' || isIP(name) === 4 || hosts.includes(name);
}

/** Whether a browser sends a request for a page of another site. Browsers set this header themselves; other programs leave it out. */
export const isCrossSite = ({ 'sec-fetch-site': site }: IncomingHttpHeaders): boolean =>
  site === 'cross-site' || site === 'same-site';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares secrets in a time that does not depend on where they differ. */
const isEqual = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** How a request shows the token. `address`: in the address, from where it is moved to a cookie. */
export type TokenPlace = 'address' | 'elsewhere' | 'none';

/** Where a request has the right token; `elsewhere` too if none is needed. */
export function tokenPlace(url: URL, headers: IncomingHttpHeaders, { token, port }: Access): TokenPlace {
  if (token === null) return 'elsewhere';
  const asked = url.searchParams.get('token');
  if (asked !== null && isEqual(asked, token)) return 'address';
  const [, bearer] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined && isEqual(bearer, token)) return 'elsewhere';
  const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const prefix = `${cookieName(port)}=`;
  const kept = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length);
  return kept !== undefined && isEqual(kept, token) ? 'elsewhere' : 'none';
}

/** The Set-Cookie header that keeps the token for the browser's session. */
export const tokenCookie = ({ token, port }: Access): string =>
  `${cookieName(port)}=${token}; HttpOnly; SameSite=Strict; Path=/`;
