/** Where a stream goes to or comes from. */

/** A file or named pipe, a TCP address, or standard input and output. */
export type Channel =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'standard' };

/** A TCP channel. */
export type TcpChannel = Extract<Channel, { kind: 'tcp' }>;

/** Parses `-`, `tcp://host:port`, or a path. @throws RangeError for an invalid address */
export function parseChannel(text: string, toPath: (path: string) => string = (path) => path): Channel {
  if (text === '-') return { kind: 'standard' };
  if (!/^\w+:\/\//.test(text)) return { kind: 'file', path: toPath(text) };
  const [, host, port] = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new RangeError(`${text}: is not a valid address; expected tcp://host:port, a path, or -`);
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** The address of a TCP channel as `parseChannel` reads it. */
export const formatAddress = ({ host, port }: { host: string; port: number }): string =>
  `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Chunks of a stream. */
export type Chunks = AsyncIterable<Uint8Array>;
