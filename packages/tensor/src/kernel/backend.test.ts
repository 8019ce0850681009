/** Opening, closing and finding backends. */
import { afterEach, expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import {
  type Backend,
  BackendNotOpenError,
  closeBackend,
  getBackend,
  openBackend,
  registerAsyncBackend,
  setDefaultBackend,
} from './backend.ts';

const disposed: Backend[] = [];

class Closing extends ReferenceBackend {
  override async dispose(): Promise<void> {
    disposed.push(this);
  }
}

afterEach(async () => {
  await closeBackend('later');
  disposed.length = 0;
});

test('a backend that opens asynchronously is available once it was opened, and is opened only once', async () => {
  let opened = 0;
  registerAsyncBackend('later', async () => {
    opened++;
    await Promise.resolve();
    return new Closing('later');
  });
  expect(() => getBackend('later')).toThrow(BackendNotOpenError);
  expect(() => setDefaultBackend('later')).toThrow("await openBackend('later') before its first use");
  const [first, second] = await Promise.all([openBackend('later'), openBackend('later')]);
  expect(opened).toBe(1);
  expect(second).toBe(first);
  expect(getBackend('later')).toBe(first);
});

test('a closed backend can be opened again; one that is being opened is closed once it is open', async () => {
  registerAsyncBackend('later', async () => new Closing('later'));
  const first = await openBackend('later');
  await closeBackend('later');
  expect(disposed).toEqual([first]);
  const promise = openBackend('later');
  await closeBackend('later');
  const second = await promise;
  expect(second).not.toBe(first);
  expect(disposed).toEqual([first, second]);
  expect(() => getBackend('later')).toThrow(BackendNotOpenError);
});

test('a backend that failed to open can be opened later', async () => {
  let fails = true;
  registerAsyncBackend('later', async () => {
    if (fails) throw new Error('no device');
    return new Closing('later');
  });
  await expect(openBackend('later')).rejects.toThrow('no device');
  fails = false;
  expect(await openBackend('later')).toBe(getBackend('later'));
});

test('an unknown name is refused with the known ones', async () => {
  await expect(openBackend('nothing')).rejects.toThrow("unknown backend 'nothing'; registered are ");
});
