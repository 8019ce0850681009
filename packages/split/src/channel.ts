import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs, { promises as fsp } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, errorMessage, removeLeftovers, syncDirectory, temporaryMark } from '@tessera/data/io';
import { HandOffError } from './header.ts';

/** Where a stream goes or comes from: a file or named pipe, a TCP address, or standard output and input. */
export type Channel =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'standard' };

/** `-`, `tcp://host:port`, or a path. @throws RangeError for an address without host or port */
export function parseChannel(text: string, toPath: (path: string) => string = (path) => path): Channel {
  if (text === '-') return { kind: 'standard' };
  if (!/^\w+:\/\//.test(text)) return { kind: 'file', path: toPath(text) };
  const [, host, port] = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new RangeError(`${text}: is no address; expected tcp://host:port, a path, or -`);
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

export interface ChannelOptions {
  /** Ends everything; what was begun is taken back. */
  readonly signal?: AbortSignal;
  /** How long to knock at an address where nobody listens yet, in milliseconds. Default: 30 s. */
  readonly connectTimeout?: number;
  /** Called with the address once somebody can connect. */
  readonly onListening?: (address: string) => void;
}

type Chunks = AsyncIterable<Uint8Array>;

/** Errors of the operating system that say that nobody takes what is written. */
const receiverGone = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

/**
 * Sends all chunks, each when the receiver has room for it. A file appears under its name when it is whole; a TCP receiver has
 * taken everything when this returns.
 *
 * @throws HandOffError where the receiver goes away or is not there
 */
export async function send(channel: Channel, chunks: Chunks, options: ChannelOptions = {}): Promise<void> {
  switch (channel.kind) {
    case 'standard':
      return pump(process.stdout, chunks, 'standard output', options.signal);
    case 'tcp':
      return sendToSocket(channel, chunks, options);
    case 'file':
      return sendToFile(channel.path, chunks, options.signal);
    default:
      return channel satisfies never;
  }
}

/** Writes chunk by chunk and waits while the stream has no room. */
async function pump(stream: Writable, chunks: Chunks, name: string, signal?: AbortSignal): Promise<void> {
  let sent = 0;
  let failed: Error | null = null;
  const controller = new AbortController();
  const fail = (error: Error): void => {
    failed ??= error;
    controller.abort();
  };
  const closed = (): void => fail(Object.assign(new Error('closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }));
  stream.on('error', fail);
  stream.on('close', closed);
  const stop = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      if (failed !== null) throw failed;
      if (!stream.write(chunk)) await once(stream, 'drain', { signal: stop });
      sent += chunk.byteLength;
    }
    // Whatever is still on its way out.
    await new Promise<void>((resolve, reject) => {
      stop.addEventListener('abort', () => reject(stop.reason));
      stream.write('', (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    signal?.throwIfAborted();
    const cause = failed ?? error;
    if (!receiverGone.has(errorCode(cause) ?? '')) throw cause;
    throw new HandOffError(
      `${name}: the receiver went away after ${sent} bytes were sent (${errorCode(cause)}); what it says on its side is the reason`,
      { cause },
    );
  } finally {
    stream.off('close', closed);
  }
}

async function sendToFile(path: string, chunks: Chunks, signal?: AbortSignal): Promise<void> {
  const stat = await fsp.stat(path).catch(() => null);
  if (stat?.isDirectory()) throw new HandOffError(`${path}: is a folder; name a file`);
  // A named pipe or a device is written to as it is.
  if (stat !== null && !stat.isFile()) {
    const stream = fs.createWriteStream(path);
    await pump(stream, chunks, path, signal);
    await new Promise<void>((resolve) => stream.end(resolve));
    return;
  }
  await removeLeftovers(path);
  const temporary = `${path}${temporaryMark()}${randomUUID().slice(0, 8)}`;
  const file = await fsp.open(temporary, 'wx');
  try {
    try {
      for await (const chunk of chunks) {
        signal?.throwIfAborted();
        for (let done = 0; done < chunk.byteLength; ) done += (await file.write(chunk, done)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await fsp.rename(temporary, path);
  } catch (error) {
    await fsp.rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

const addressOf = ({ host, port }: { host: string; port: number }): string =>
  `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;

async function sendToSocket(
  channel: Extract<Channel, { kind: 'tcp' }>,
  chunks: Chunks,
  { signal, connectTimeout = 30_000 }: ChannelOptions,
): Promise<void> {
  const name = addressOf(channel);
  const socket = await connect(channel, name, connectTimeout, signal);
  try {
    await pump(socket, chunks, name, signal);
    // The receiver closes its side when it has taken everything, and resets the connection when it could not.
    const closed = once(socket, 'close', signal === undefined ? {} : { signal });
    socket.resume().end();
    await closed.catch((cause: Error) => {
      signal?.throwIfAborted();
      throw new HandOffError(
        `${name}: the receiver did not take all that was sent (${errorCode(cause)}); what it says is the reason`,
        {
          cause,
        },
      );
    });
  } finally {
    socket.destroy();
  }
}

async function connect(
  { host, port }: { host: string; port: number },
  name: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<net.Socket> {
  const end = performance.now() + timeout;
  for (;;) {
    signal?.throwIfAborted();
    const socket = net.connect({ host, port, allowHalfOpen: true });
    try {
      await once(socket, 'connect', signal === undefined ? {} : { signal });
      return socket;
    } catch (cause) {
      socket.destroy();
      signal?.throwIfAborted();
      if (errorCode(cause) === 'ECONNRESET')
        throw new HandOffError(
          `${name}: the receiver went away at once (ECONNRESET); what it says on its side is the reason`,
          {
            cause,
          },
        );
      if (errorCode(cause) !== 'ECONNREFUSED' || performance.now() > end)
        throw new HandOffError(
          `${name}: nobody listens there (${errorMessage(cause)}): start the back half with --from ${name}`,
          { cause },
        );
      await delay(100, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/**
 * Opens the other end of `send`: hands the chunks to `use`, and tells a TCP sender whether that succeeded.
 *
 * @throws HandOffError where there is nothing to read, and what `use` throws, with the channel's name
 */
export async function receive<T>(
  channel: Channel,
  use: (chunks: Chunks) => Promise<T>,
  options: ChannelOptions = {},
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
  channel: Extract<Channel, { kind: 'tcp' }>,
  use: (chunks: Chunks) => Promise<T>,
  { signal, onListening }: ChannelOptions,
): Promise<T> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const abortable = signal === undefined ? {} : { signal };
  try {
    const connection = once(server, 'connection', abortable) as Promise<[net.Socket]>;
    connection.catch(() => {});
    server.listen({ host: channel.host, port: channel.port });
    await once(server, 'listening', abortable);
    onListening?.(addressOf({ host: channel.host, port: (server.address() as net.AddressInfo).port }));
    const [socket] = await connection;
    // One sender; a second one is turned away.
    server.close();
    return await useSocket(socket, addressOf(channel), use, signal);
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

/** The stream's chunks, until the signal ends them. */
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

/** Puts the channel's name in front of what went wrong with what came through it. */
async function named<T>(name: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof HandOffError) throw new HandOffError(`${name}: ${cause.message}`, { cause });
    switch (errorCode(cause)) {
      case 'ENOENT':
        throw new HandOffError(`${name}: there is no such file`, { cause });
      case 'ECONNRESET':
        throw new HandOffError(`${name}: the sender broke off`, { cause });
      default:
        throw cause;
    }
  }
}
