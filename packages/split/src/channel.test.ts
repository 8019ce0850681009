import { promises as fs } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseChannel, receive, send } from './channel.ts';

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'channel-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const mebibyte = 2 ** 20;

/** Chunks of a MiB; says how many were asked for. */
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

/** A receiver on a free port, and where it listens. */
async function listening<T>(use: (chunks: AsyncIterable<Uint8Array>) => Promise<T>) {
  let received: Promise<T> | undefined;
  const address = await new Promise<string>((onListening) => {
    received = receive({ kind: 'tcp', host: '127.0.0.1', port: 0 }, use, { onListening });
    received.catch(() => undefined);
  });
  return { channel: parseChannel(address), received: received as Promise<T> };
}

describe('addresses', () => {
  it('are read', () => {
    expect(parseChannel('-')).toEqual({ kind: 'standard' });
    expect(parseChannel('tcp://localhost:80')).toEqual({ kind: 'tcp', host: 'localhost', port: 80 });
    expect(parseChannel('tcp://[::1]:5555')).toEqual({ kind: 'tcp', host: '::1', port: 5555 });
    expect(parseChannel('a/b.arrow', (path) => `/x/${path}`)).toEqual({ kind: 'file', path: '/x/a/b.arrow' });
  });

  it.each(['tcp://localhost', 'tcp://:1', 'tcp://a:99999', 'http://a:1'])('%s is none', (text) => {
    expect(() => parseChannel(text)).toThrow(`${text}: is no address; expected tcp://host:port, a path, or -`);
  });
});

describe('a file', () => {
  it('takes everything, and replaces what was there', async () => {
    const path = join(root, 'file');
    for (const count of [3, 2]) {
      await send({ kind: 'file', path }, source(count).chunks);
      expect(await receive({ kind: 'file', path }, countBytes)).toBe(count * mebibyte);
    }
  });

  it('is not there, nor half of it, when the sending was interrupted or failed', async () => {
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
    // What the operating system keeps on its way is a few MiB.
    expect(ahead).toBeLessThan(60);
  });

  it('a receiver that refuses is an error of the sender, be it after the last byte', async () => {
    for (const count of [1, 100]) {
      const { channel, received } = await listening(async (incoming) => {
        await (count === 1 ? countBytes(incoming) : undefined);
        throw new Error('not mine');
      });
      await expect(send(channel, source(count).chunks)).rejects.toThrow(/the receiver (went away|did not take)/);
      await expect(received).rejects.toThrow('not mine');
    }
  });

  it('a sender that breaks off is an error of the receiver', async () => {
    const { channel, received } = await listening(countBytes);
    const socket = net.connect(channel as { host: string; port: number });
    socket.write(new Uint8Array(100), () => socket.resetAndDestroy());
    await expect(received).rejects.toThrow('the sender broke off');
  });

  it('nobody there, and nobody coming', async () => {
    const { channel, received } = await listening(countBytes);
    await send(channel, source(1).chunks);
    await received;
    const late = send(channel, source(1).chunks, { connectTimeout: 200 });
    await expect(late).rejects.toThrow(
      /tcp:\/\/127\.0\.0\.1:\d+: nobody listens there .*: start the back half with --from/,
    );
    const controller = new AbortController();
    const waiting = receive({ kind: 'tcp', host: '127.0.0.1', port: 0 }, countBytes, {
      signal: controller.signal,
      onListening: () => controller.abort(),
    });
    await expect(waiting).rejects.toThrow('aborted');
  });
});
