/** Listening: on a port that may be in use, and the address for a browser. */
import { hostname } from 'node:os';
import { errorCode } from '@tessera/data/io';

/** Where a server listens. */
export interface ListenOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether another free port is used where `port` is in use. */
  readonly anyPort: boolean;
}

/** Starts to listen. @param listen listens on a port, or rejects @throws where the port is in use, with what to do */
export async function listenOn(
  listen: (port: number) => Promise<unknown>,
  { host, port, anyPort }: ListenOptions,
): Promise<void> {
  try {
    await listen(port);
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw error;
    if (!anyPort) throw new Error(`port ${port} of ${host} is in use; choose another with --port`, { cause: error });
    await listen(0);
  }
}

/** The address for a browser, with the token if one is needed. */
export function browserAddress(host: string, port: number, token: string | null): string {
  const shown = host === '0.0.0.0' || host === '::' ? hostname() : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}/${token === null ? '' : `?token=${token}`}`;
}
