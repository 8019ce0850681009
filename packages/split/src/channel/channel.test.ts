// Channels: addresses, files, and sockets with slow, failing and missing ends.
import { promises as fs } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Channel, parseChannel } from './address.ts';
import { receive } from './receive.ts';
import { send } from './send.ts';

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'channel-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const mebibyte = 2 ** 20;

/** Chunks of 1 MiB each. `state` counts the chunks that were requested. */
function source(count: number, before: (made: number) => void = () => undefined) {
  const state = { made: 0 };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (; state.made < count; state.made++) {
      before(state.made);
      yield new Uint8Array(mebibyte).fill(state.made);
    }
  }
  return { state, chunks: chunks() };
}

async function countBytes(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.byteLength;
  return bytes;
}

/** Starts a receiver on a free port. */
function listening<T>(
  use: (chunks: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<{ channel: Channel; received: Promise<T> }> {
  return new Promise((resolve) => {
    const received: Promise<T> = receive({ kind: 'tcp', host: '127.0.0.1', port: 0 }, use, {
      onListening: (address) => resolve({ channel: parseChannel(address), received }),
    });
    received.catch(() => undefined);
  });
}

describe('addresses', () => {
  it('are parsed', () => {
    expect(parseChannel('-')).toEqual({ kind: 'standard' });
    expect(parseChannel('tcp://localhost:80')).toEqual({ kind: 'tcp', host: 'localhost', port: 80 });
    expect(parseChannel('tcp://[::1]:5555')).toEqual({ kind: 'tcp', host: '::1', port: 5555 });
    expect(parseChannel('a/b.arrow', (path) => `/x/${path}`)).toEqual({ kind: 'file', path: '/x/a/b.arrow' });
  });

  it.each(['tcp://localhost', 'tcp://:1', 'tcp://a:99999', 'http://a:1'])('%s is invalid', (text) => {
    expect(() => parseChannel(text)).toThrow(`${text}: is not a valid address; expected tcp://host:port, a path, or -`);
  });
});

describe('a file', () => {
  it('contains everything that was sent, and replaces an existing file', async () => {
    const path = join(root, 'file');
    for (const count of [3, 2]) {
      await send({ kind: 'file', path }, source(count).chunks);
      expect(await receive({ kind: 'file', path }, countBytes)).toBe(count * mebibyte);
    }
  });

  it('does not appear when sending is interrupted or fails', async () => {
    const path = join(root, 'interrupted');
    const controller = new AbortController();
    const { chunks } = source(9, (made) => made === 4 && controller.abort());
    await expect(send({ kind: 'file', path }, chunks, { signal: controller.signal })).rejects.toThrow('aborted');
    const failing = source(9, (made) => {
      if (made === 4) throw new Error('out of pictures');
    });
    await expect(send({ kind: 'file', path }, failing.chunks)).rejects.toThrow('out of pictures');
    expect((await fs.readdir(root)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
  });
});

describe('a socket', () => {
  it('waits for a slow receiver', async () => {
    const { state, chunks } = source(200);
    let ahead = 0;
    const { channel, received } = await listening(async (incoming) => {
      let bytes = 0;
      for await (const chunk of incoming) {
        if (bytes === 0) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          ahead = state.made;
        }
        bytes += chunk.byteLength;
      }
      return bytes;
    });
    await send(channel, chunks);
    expect(await received).toBe(200 * mebibyte);
    // The operating system buffers a few MiB.
    expect(ahead).toBeLessThan(60);
  });

  it('an error of the receiver is an error of the sender, even after the last byte', async () => {
    for (const count of [1, 100]) {
      const { channel, received } = await listening(async (incoming) => {
        await (count === 1 ? countBytes(incoming) : undefined);
        throw new Error('not mine');
      });
      await expect(send(channel, source(count).chunks)).rejects.toThrow(
        /the receiver (stopped reading|closed the connection|did not process everything)/,
      );
      await expect(received).rejects.toThrow('not mine');
    }
  });

  it('a sender that closes the connection early is an error of the receiver', async () => {
    const { channel, received } = await listening(countBytes);
    const socket = net.connect(channel as { host: string; port: number });
    socket.write(new Uint8Array(100), () => socket.resetAndDestroy());
    await expect(received).rejects.toThrow('the sender closed the connection early');
  });

  it('no receiver, and no sender', async () => {
    const { channel, received } = await listening(countBytes);
    await send(channel, source(1).chunks);
    await received;
    const late = send(channel, source(1).chunks, { connectTimeout: 200 });
    await expect(late).rejects.toThrow(
      /tcp:\/\/127\.0\.0\.1:\d+: no receiver is listening .*; start the back half with --from/,
    );
    const controller = new AbortController();
    const waiting = receive({ kind: 'tcp', host: '127.0.0.1', port: 0 }, countBytes, {
      signal: controller.signal,
      onListening: () => controller.abort(),
    });
    await expect(waiting).rejects.toThrow('aborted');
  });
});
