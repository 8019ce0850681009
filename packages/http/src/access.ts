/** Who may read: the Host header against DNS rebinding, pages of other sites, and the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** The rules of a server. */
export interface Access {
  /** Which server it is, in one word: `dashboard`, `serve`. */
  readonly server: string;
  /** Names under which the server may be called, besides localhost and IP addresses. Lower case. */
  readonly hosts: readonly string[];
  /** Null: none is needed. */
  readonly token: string | null;
  readonly port: number;
}

/** Name of the cookie that keeps the token. Cookies do not depend on the port, so its name does. */
const cookieName = ({ server, port }: Access): string => `tessera-${server}-${port}`;

/** The names by which a server may be called: its machine's, and those that its user allows. */
export const knownNames = (allowed: readonly string[]): readonly string[] =>
  [hostname(), ...allowed].map((name) => name.toLowerCase());

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
type TokenPlace = 'address' | 'elsewhere' | 'none';

/** Where a request has the right token; `elsewhere` too if none is needed. */
function tokenPlace(url: URL, headers: IncomingHttpHeaders, access: Access): TokenPlace {
  const { token } = access;
  if (token === null) return 'elsewhere';
  const asked = url.searchParams.get('token');
  if (asked !== null && isEqual(asked, token)) return 'address';
  const [, bearer] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined && isEqual(bearer, token)) return 'elsewhere';
  const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const prefix = `${cookieName(access)}=`;
  const kept = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length);
  return kept !== undefined && isEqual(kept, token) ? 'elsewhere' : 'none';
}

/** What follows from the rules for a request. */
export type Verdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly status: 400 | 401 | 421; readonly error: string }
  /** Answered with 303 and these headers: the token moves from the address to a cookie, so that it is neither shown nor copied with a link. */
  | { readonly kind: 'moved'; readonly headers: { readonly 'Set-Cookie': string; readonly Location: string } };

/** Whether a request comes under a known name and with the token. @param target the request's path and query */
export function checkAccess(target: string, headers: IncomingHttpHeaders, access: Access): Verdict {
  if (!isKnownHost(headers.host, access))
    return {
      kind: 'refused',
      status: 421,
      error: `the address ${headers.host ?? ''} is not one of this server's; see --allow-host`,
    };
  const url = URL.canParse(target, 'http://localhost') ? new URL(target, 'http://localhost') : null;
  if (url === null) return { kind: 'refused', status: 400, error: 'the address is not a path' };
  switch (tokenPlace(url, headers, access)) {
    case 'none':
      return {
        kind: 'refused',
        status: 401,
        error:
          'the token is missing or wrong: open the address that the server printed, or send it as "Authorization: Bearer TOKEN"',
      };
    case 'address': {
      if (url.pathname !== '/') return { kind: 'allowed' };
      url.searchParams.delete('token');
      const cookie = `${cookieName(access)}=${access.token}; HttpOnly; SameSite=Strict; Path=/`;
      return { kind: 'moved', headers: { 'Set-Cookie': cookie, Location: `./${url.search}` } };
    }
    case 'elsewhere':
      return { kind: 'allowed' };
  }
}
