// The hub: the list of a dataset's files, a commit in place of a branch, tokens, and redirects, with a local server in its place.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Answer, type FileServer, startFileServer } from '../testing/file-server.ts';
import { hubStore } from './hf.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const files = ['README.md', 'data/test-00000.parquet', 'data/train-00000.parquet', 'data/train-00001.parquet'];
const quick = { attempts: 2, stallMs: 1000, backoffMs: 1 };
let hub: FileServer;
let storage: FileServer;

function answer(url: URL): Answer | null {
  if (url.pathname === '/api/datasets/user/name/revision/main') return { body: JSON.stringify({ sha: commit }) };
  if (url.pathname === `/api/datasets/user/name/tree/${commit}`) {
    const page = Number(url.searchParams.get('cursor') ?? 0);
    const part = files.slice(page * 2, page * 2 + 2).map((path) => ({ type: 'file', path }));
    const link = `<${hub.url}${url.pathname}?recursive=true&cursor=${page + 1}>; rel="next"`;
    return {
      body: JSON.stringify([...part, { type: 'directory', path: 'data' }]),
      headers: page === 0 ? { link } : {},
    };
  }
  const path = new RegExp(`^/datasets/user/name/resolve/${commit}/(.*)$`).exec(url.pathname)?.[1];
  return path === undefined
    ? { status: 401, body: 'Invalid credentials' }
    : { status: 302, headers: { location: `${storage.url}/${path}` } };
}

beforeAll(async () => {
  hub = await startFileServer();
  hub.answer = answer;
  storage = await startFileServer(
    Object.fromEntries(files.map((name) => [`/${name}`, new TextEncoder().encode(name)])),
  );
});
afterAll(async () => {
  await hub.close();
  await storage.close();
});
beforeEach(() => {
  hub.requests.length = 0;
  storage.requests.length = 0;
});

const store = () => hubStore({ HF_ENDPOINT: hub.url, HF_TOKEN: 'token' }, quick);
const at = (name: string): string => `hf://datasets/user/name@${commit}/${name}`;

test('a dataset is its files of rows, at the commit that the branch has now', async () => {
  expect(await store().list('hf://datasets/user/name')).toEqual(files.slice(1).map(at));
  expect(await store().list('hf://datasets/user/name/data')).toEqual(files.slice(1).map(at));
  expect(await store().list('hf://datasets/user/name@main/data/train-*.parquet')).toEqual(files.slice(2).map(at));
  expect(await store().list(`hf://datasets/user/name@${commit}/data/train-{00000..00001}.parquet`)).toHaveLength(2);
  await expect(store().list('hf://datasets/user/name/*.tar')).rejects.toThrow(
    "hf://datasets/user/name/*.tar: matches none of the dataset's 4 files (README.md, data/test-00000.parquet",
  );
});

test('files are read where the hub sends to; only the hub sees the token', async () => {
  const source = await store().open(at('data/train-00001.parquet'));
  expect(new TextDecoder().decode(await source.read(5, source.size))).toBe('train-00001.parquet');
  expect(hub.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token', 'Bearer token']);
  expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  expect(storage.requests[1]?.headers.range).toBe('bytes=5-23');
});

test('a private or missing dataset is named', async () => {
  await expect(store().list('hf://datasets/user/other')).rejects.toThrow(
    'hf://datasets/user/other: the server answered 401 Unauthorized (Invalid credentials)',
  );
  await expect(store().list('hf://user/name')).rejects.toThrow('is not an address like hf://datasets/USER/NAME');
});
