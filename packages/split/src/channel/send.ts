/** The sending end of a channel. */
import { once } from 'node:events';
import fs, { promises as fsp } from 'node:fs';
import net from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, errorMessage, replaceFile, writeFully } from '@tessera/data/io';
import { HandOffError } from '../stream/header.ts';
import { type Channel, type Chunks, formatAddress, type TcpChannel } from './address.ts';

export interface SendOptions {
  /** Stops sending. A file that is not complete yet does not appear. */
  readonly signal?: AbortSignal;
  /** Connection retry timeout, in ms. Default: 30,000. */
  readonly connectTimeout?: number;
}

/** Error codes of the operating system that mean that the receiver has closed the connection. */
const receiverGone = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

/**
 * Sends all chunks, each when the receiver has room for it. A file appears when it is complete. When this returns, a TCP receiver has
 * processed everything.
 *
 * @throws HandOffError if the receiver cannot be reached or goes away
 */
export async function send(channel: Channel, chunks: Chunks, options: SendOptions = {}): Promise<void> {
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

/** Writes chunk by chunk and waits whenever the stream's buffer is full. */
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
    // Wait until everything is written.
    await new Promise<void>((resolve, reject) => {
      stop.addEventListener('abort', () => reject(stop.reason));
      stream.write('', (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    signal?.throwIfAborted();
    const cause = failed ?? error;
    if (!receiverGone.has(errorCode(cause) ?? '')) throw cause;
    throw new HandOffError(
      `${name}: the receiver stopped reading after ${sent} bytes (${errorCode(cause)}); its error message says why`,
      { cause },
    );
  } finally {
    stream.off('close', closed);
  }
}

async function sendToFile(path: string, chunks: Chunks, signal?: AbortSignal): Promise<void> {
  const stat = await fsp.stat(path).catch(() => null);
  if (stat?.isDirectory()) throw new HandOffError(`${path}: is a folder; a file was expected`);
  // Named pipes and devices are written to directly.
  if (stat !== null && !stat.isFile()) {
    const stream = fs.createWriteStream(path);
    await pump(stream, chunks, path, signal);
    await new Promise<void>((resolve) => stream.end(resolve));
    return;
  }
  await replaceFile(path, async (file) => {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      await writeFully(file, chunk);
    }
  });
}

async function sendToSocket(
  channel: TcpChannel,
  chunks: Chunks,
  { signal, connectTimeout = 30_000 }: SendOptions,
): Promise<void> {
  const name = formatAddress(channel);
  const socket = await connect(channel, name, connectTimeout, signal);
  try {
    await pump(socket, chunks, name, signal);
    // The receiver closes its side when it has processed everything, and resets the connection after an error.
    const closed = once(socket, 'close', signal === undefined ? {} : { signal });
    socket.resume().end();
    await closed.catch((cause: Error) => {
      signal?.throwIfAborted();
      throw new HandOffError(
        `${name}: the receiver did not process everything (${errorCode(cause)}); its error message says why`,
        { cause },
      );
    });
  } finally {
    socket.destroy();
  }
}

/** Connects to the receiver, and retries while it does not listen yet. */
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
          `${name}: the receiver closed the connection at once (ECONNRESET); its error message says why`,
          { cause },
        );
      if (errorCode(cause) !== 'ECONNREFUSED' || performance.now() > end)
        throw new HandOffError(
          `${name}: no receiver is listening (${errorMessage(cause)}); start the back half with --from ${name}`,
          { cause },
        );
      await delay(100, undefined, signal === undefined ? {} : { signal });
    }
  }
}
