/** The wire protocol of kernels, and notebook files. */
import { promises as fs } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { differencesOf } from './execute.ts';
import { kindsOf, linesOf, type Notebook, readNotebook, writeNotebook } from './ipynb.ts';
import { FrameReader, ZmtpSocket } from './zmtp.ts';

/** What a server sends first: its greeting, and a READY command. */
const greeting = Buffer.from(`ff00000000000000007f0300${Buffer.from('NULL').toString('hex')}`.padEnd(128, '0'), 'hex');
const ready = Buffer.concat([Buffer.of(4, 6), Buffer.from('\x05READY', 'latin1')]);
const short = (flags: number, text: string): Buffer =>
  Buffer.concat([Buffer.of(flags, text.length), Buffer.from(text)]);
const long = (flags: number, body: Buffer): Buffer => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(body.length));
  return Buffer.concat([Buffer.of(flags | 2), size, body]);
};

describe('FrameReader', () => {
  const body = Buffer.alloc(2_000, 7);
  const stream = Buffer.concat([greeting, ready, short(1, 'a'), short(0, ''), long(1, body), short(0, 'end')]);

  it.each([1, 3, 64, 1000, stream.length])('joins messages from pieces of %i bytes', (size) => {
    const reader = new FrameReader();
    const messages: Buffer[][] = [];
    for (let at = 0; at < stream.length; at += size) messages.push(...reader.add(stream.subarray(at, at + size)));
    expect(reader.isReady).toBe(true);
    expect(messages.map((parts) => parts.map((part) => part.length))).toEqual([
      [1, 0],
      [2_000, 3],
    ]);
    expect(messages[1]?.[0]?.equals(body)).toBe(true);
  });

  it('refuses another protocol, and passes on an error of the other side', () => {
    expect(() => new FrameReader().add(Buffer.alloc(64, 'HTTP/1.1 '))).toThrow('does not speak ZMTP 3');
    const error = short(4, '\x05ERROR\x04nope');
    expect(() => new FrameReader().add(Buffer.concat([greeting, error]))).toThrow('nope');
  });
});

describe('ZmtpSocket', () => {
  /** A server that answers each message with its parts in reverse order. */
  async function serve(): Promise<{ port: number; received: Buffer[][]; close: () => void }> {
    const received: Buffer[][] = [];
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      const reader = new FrameReader();
      socket.write(Buffer.concat([greeting, ready]));
      socket.on('data', (bytes) => {
        for (const parts of reader.add(bytes)) {
          received.push(parts);
          socket.write(Buffer.concat(parts.toReversed().map((part, k) => long(k < parts.length - 1 ? 1 : 0, part))));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const close = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    return { port, received, close };
  }

  it('sends and receives messages of several parts, short and long', async () => {
    const { port, close } = await serve();
    const answer = new Promise<readonly Buffer[]>((resolve, reject) => {
      ZmtpSocket.open('dealer', { host: '127.0.0.1', port }, resolve, reject)
        .then((socket) => socket.send([Buffer.from('a'), Buffer.alloc(300, 1), Buffer.alloc(0)]))
        .catch(reject);
    });
    expect((await answer).map((part) => part.length)).toEqual([0, 300, 1]);
    close();
  });

  it('subscribes to everything, and reports the end of the connection', async () => {
    const { port, received, close } = await serve();
    let end: (error: Error) => void = () => undefined;
    const ended = new Promise<Error>((resolve) => {
      end = resolve;
    });
    const first = new Promise<readonly Buffer[]>((resolve, reject) => {
      ZmtpSocket.open('sub', { host: '127.0.0.1', port }, resolve, end).catch(reject);
    });
    expect(await first).toEqual([Buffer.of(1)]);
    expect(received).toEqual([[Buffer.of(1)]]);
    close();
    expect((await ended).message).toContain('closed the connection');
  });

  it('fails where nobody listens', async () => {
    const { port, close } = await serve();
    close();
    await expect(
      ZmtpSocket.open(
        'sub',
        { host: '127.0.0.1', port },
        () => undefined,
        () => undefined,
      ),
    ).rejects.toThrow();
  });
});

describe('notebook files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'notebook-'));
  });
  afterAll(() => fs.rm(folder, { recursive: true }));

  const notebook: Notebook = {
    nbformat: 4,
    metadata: {},
    cells: [
      { cell_type: 'markdown', source: ['# Title'] },
      { cell_type: 'code', source: 'x', outputs: [{ output_type: 'stream', name: 'stdout', text: ['a\n'] }] },
      {
        cell_type: 'code',
        source: 'y',
        outputs: [{ output_type: 'execute_result', data: { 'text/plain': '1', 'image/png': 'AA' }, metadata: {} }],
      },
    ],
  };

  test('are written as Jupyter writes them, and read again', async () => {
    const path = join(folder, 'a.ipynb');
    await writeNotebook(path, notebook);
    const text = await fs.readFile(path, 'utf8');
    expect(text.startsWith('{\n "cells": [\n  {\n   "cell_type": "markdown",\n')).toBe(true);
    expect(text.endsWith('}\n')).toBe(true);
    expect(await readNotebook(path)).toEqual(notebook);
  });

  test('that are damaged or of another format are refused by name', async () => {
    const path = join(folder, 'b.ipynb');
    await fs.writeFile(path, '{"nbformat": 4, ');
    await expect(readNotebook(path)).rejects.toThrow(`${path}: not valid JSON`);
    await fs.writeFile(path, '{"nbformat": 3, "worksheets": []}');
    await expect(readNotebook(path)).rejects.toThrow('got nbformat 3');
    await fs.writeFile(path, 'null');
    await expect(readNotebook(path)).rejects.toThrow('got nbformat undefined');
  });

  test('other kinds of outputs are differences, other values are not', () => {
    const [title, printed, shown] = notebook.cells;
    if (title === undefined || printed === undefined || shown === undefined) throw new Error('three cells');
    const twice = {
      ...printed,
      outputs: [...(printed.outputs ?? []), { output_type: 'stream', name: 'stdout', text: 'b' } as const],
    };
    expect(differencesOf(notebook, { ...notebook, cells: [title, twice, shown] })).toEqual([]);
    expect(differencesOf(notebook, { ...notebook, cells: [title, { ...printed, outputs: [] }, shown] })).toEqual([
      'cell 1: saved with stream stdout, now no output',
    ]);
    const failed = {
      ...shown,
      outputs: [{ output_type: 'error', ename: 'TypeError', evalue: '', traceback: [] } as const],
    };
    expect(differencesOf(notebook, { ...notebook, cells: [title, printed, failed] })).toEqual([
      'cell 2: saved with execute_result image/png text/plain, now error TypeError',
    ]);
    expect(kindsOf([])).toEqual([]);
  });

  test('lines keep their ends', () => {
    expect(linesOf('a\n\nb')).toEqual(['a\n', '\n', 'b']);
    expect(linesOf('a\n')).toEqual(['a\n']);
    expect(linesOf('')).toEqual([]);
  });
});
