/** The receiving end of a channel. */
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import type { Readable } from 'node:stream';
import { errorCode } from '@tessera/data/io';
import { HandOffError } from '../stream/header.ts';
import { type Channel, type Chunks, formatAddress, type TcpChannel } from './address.ts';

export interface ReceiveOptions {
  /** Stops receiving. */
  readonly signal?: AbortSignal;
  /** Called with the address when a sender can connect. */
  readonly onListening?: (address: string) => void;
}

/**
 * Receives what `send` sends: passes the chunks to `use`, and tells a TCP sender whether it succeeded.
 *
 * @returns the result of `use`
 * @throws HandOffError if there is nothing to read; errors of `use`, with the channel's name
 */
export async function receive<T>(
  channel: Channel,
  use: (chunks: Chunks) => Promise<T>,
  options: ReceiveOptions = {},
): Promise<T> {
  switch (channel.kind) {
    case 'standard':
      return named('standard input', () => use(readable(process.stdin, options.signal)));
    case 'file': {
      const { path } = channel;
      const stream = fs.createReadStream(path, { highWaterMark: 1 << 20 });
      try {
        return await named(path, () => use(readable(stream, options.signal)));
      } finally {
        stream.destroy();
      }
    }
    case 'tcp':
      return receiveFromSocket(channel, use, options);
    default:
      return channel satisfies never;
  }
}

async function receiveFromSocket<T>(
  channel: TcpChannel,
  use: (chunks: Chunks) => Promise<T>,
  { signal, onListening }: ReceiveOptions,
): Promise<T> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const abortable = signal === undefined ? {} : { signal };
  try {
    const connection = once(server, 'connection', abortable) as Promise<[net.Socket]>;
    connection.catch(() => {});
    server.listen({ host: channel.host, port: channel.port });
    await once(server, 'listening', abortable);
    onListening?.(formatAddress({ host: channel.host, port: (server.address() as net.AddressInfo).port }));
    const [socket] = await connection;
    // Only one sender is accepted.
    server.close();
    return await useSocket(socket, formatAddress(channel), use, signal);
  } finally {
    server.close();
  }
}

async function useSocket<T>(
  socket: net.Socket,
  name: string,
  use: (chunks: Chunks) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  socket.on('error', () => {});
  try {
    const result = await named(name, () => use(readable(socket, signal)));
    socket.end();
    return result;
  } catch (error) {
    socket.resetAndDestroy();
    throw error;
  }
}

/** The stream's chunks, until the signal aborts. */
async function* readable(stream: Readable, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = (): void => void stream.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop);
  try {
    signal?.throwIfAborted();
    yield* stream as AsyncIterable<Uint8Array>;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Runs `body` and adds the channel's name to its errors. */
async function named<T>(name: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof HandOffError) throw new HandOffError(`${name}: ${cause.message}`, { cause });
    switch (errorCode(cause)) {
      case 'ENOENT':
        throw new HandOffError(`${name}: there is no such file`, { cause });
      case 'ECONNRESET':
        throw new HandOffError(`${name}: the sender closed the connection early`, { cause });
      default:
        throw cause;
    }
  }
}
