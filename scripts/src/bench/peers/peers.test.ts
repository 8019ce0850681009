// Processes of peers and their protocol, and the lookup of installed libraries.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnsupportedWork } from '../engine.ts';
import { gemm } from '../work.ts';
import { findPackage, peerFolders } from './installed.ts';
import { PeerProcess } from './process.ts';
import { findPythons, threadSettings } from './python.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peers-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a peer in a separate process', () => {
  /** A process that speaks the protocol. The name of the library selects its behavior. */
  const script = `
    const lines = require('node:readline').createInterface({ input: process.stdin });
    const say = (answer) => console.log(JSON.stringify(answer));
    lines.on('line', (line) => {
      const request = JSON.parse(line);
      if (request.do === 'hello') say({ version: process.env.GREETING });
      else if (request.do === 'prepare') {
        if (request.library === 'unable') say({ unsupported: 'no matrices' });
        else if (request.library === 'broken') say({ error: 'ValueError: bad' });
        else if (request.library === 'dying') { console.error('Segmentation fault'); process.exit(3); }
        else if (request.library === 'babbling') console.log('hello there');
        else say({ check: [request.slot] });
      } else if (request.do === 'measure') say({ times: new Array(request.runs).fill(request.slot) });
      else say({});
    });`;
  const start = (): PeerProcess => new PeerProcess('peer', process.execPath, ['-e', script], { GREETING: 'hi' });

  test('answers, distinguishes works, and ends on close', async () => {
    const peer = start();
    expect(await peer.ask({ do: 'hello' })).toEqual({ version: 'hi' });
    const [first, second] = [await peer.prepare('x', gemm(1, 1, 1)), await peer.prepare('x', gemm(1, 1, 1))];
    expect(first.check).not.toEqual(second.check);
    expect(await second.measure(2)).toEqual([second.check[0], second.check[0]]);
    expect(await first.measure(1)).toEqual([first.check[0]]);
    await first.release();
    await peer.close();
    await peer.close();
  });

  test('reports unsupported works and errors', async () => {
    const peer = start();
    await expect(peer.prepare('unable', gemm(1, 1, 1))).rejects.toThrow(UnsupportedWork);
    await expect(peer.prepare('broken', gemm(1, 1, 1))).rejects.toThrow('peer: ValueError: bad');
    await expect(peer.prepare('babbling', gemm(1, 1, 1))).rejects.toThrow('answered "hello there", which is not JSON');
    await peer.close();
  });

  test('that ends is an error with its last output, now and later', async () => {
    const peer = start();
    await expect(peer.prepare('dying', gemm(1, 1, 1))).rejects.toThrow(/peer: ended with code 3\s+Segmentation fault/);
    await expect(peer.ask({ do: 'hello' })).rejects.toThrow('ended with code 3');
    await peer.close();
  });

  test('that does not exist is an error', async () => {
    const peer = new PeerProcess('peer', join(folder, 'nothing'), []);
    await expect(peer.ask({ do: 'hello' })).rejects.toThrow('ENOENT');
  });

  test('the server for libraries in Node speaks the protocol', async () => {
    const serve = fileURLToPath(new URL('./serve.ts', import.meta.url));
    const file = join(folder, 'library.mts');
    await writeFile(
      file,
      `import { serve } from ${JSON.stringify(serve)};
      await serve(async () => {
        console.log('noise of a library');
        return { version: '7', threads: 1, prepare: async (work) => {
          if (work.m === 2) throw new RangeError('too large');
          return { check: [work.m], measure: async (runs) => new Array(runs).fill(4), release: async () => {} };
        } };
      });`,
    );
    const peer = new PeerProcess('library', process.execPath, [file]);
    expect(await peer.ask({ do: 'hello' })).toEqual({ version: '7', threads: 1 });
    const prepared = await peer.prepare('library', gemm(1, 1, 1));
    expect(prepared.check).toEqual([1]);
    expect(await prepared.measure(3)).toEqual([4, 4, 4]);
    await expect(peer.prepare('library', gemm(2, 1, 1))).rejects.toThrow('RangeError: too large');
    await prepared.release();
    await peer.close();
  });
});

describe('installed libraries', () => {
  test('a package is found from a folder, with its version, even if it hides package.json', async () => {
    const home = join(folder, 'node_modules', '@some', 'library');
    await mkdir(join(home, 'dist'), { recursive: true });
    const description = { name: '@some/library', version: '4.5.6', exports: { '.': './dist/main.cjs' } };
    await writeFile(join(home, 'package.json'), JSON.stringify(description));
    await writeFile(join(home, 'dist', 'main.cjs'), 'module.exports = { answer: 42 };');
    const found = findPackage(folder, '@some/library');
    expect(found?.version).toBe('4.5.6');
    expect(found?.load()).toEqual({ answer: 42 });
    expect(findPackage(folder, '@some/other')).toBeNull();
  });

  test('packages are looked up in TESSERA_PEERS, then in the folder in which npm was called', () => {
    expect(peerFolders({ TESSERA_PEERS: '/a', INIT_CWD: '/b' })).toEqual(['/a', '/b', process.cwd()]);
    expect(peerFolders({ INIT_CWD: process.cwd() })).toEqual([process.cwd()]);
  });

  test('TESSERA_PYTHON names interpreters; otherwise the path does', async () => {
    expect(findPythons({ TESSERA_PYTHON: ['/a/python', '/b/python'].join(delimiter) })).toEqual([
      '/a/python',
      '/b/python',
    ]);
    const python = join(folder, 'python3');
    await writeFile(python, '#!/bin/sh\n', { mode: 0o755 });
    expect(findPythons({ PATH: ['/nowhere', folder, folder].join(delimiter) })).toEqual([python]);
  });

  test.each([
    [1, [1]],
    [2, [1, 2]],
    [4, [1, 2, 3, 4]],
    [12, [1, 2, 3, 4, 8, 12]],
  ])('numbers of threads on %i cores', (cores, settings) => {
    expect(threadSettings(cores)).toEqual(settings);
  });
});
