// The queue in front of a model.
import { expect, it } from 'vitest';
import { type BatchKind, BatchQueue } from './batch-queue.ts';

/** Work that waits until the test lets it go on, and doubles its numbers; a negative one fails. */
function controlled(): { kind: BatchKind<number, number>; batches: number[][]; release(): Promise<void> } {
  const batches: number[][] = [];
  let open: (() => void) | null = null;
  const kind: BatchKind<number, number> = {
    async run(items) {
      batches.push([...items]);
      await new Promise<void>((resolve) => {
        open = resolve;
      });
      if (items.some((item) => item < 0)) throw new Error(`${items} has a negative number`);
      return items.map((item) => 2 * item);
    },
  };
  return {
    kind,
    batches,
    async release() {
      while (open === null) await Promise.resolve();
      const go = open;
      open = null;
      go();
      // Until the next batch, if there is one, has begun.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    },
  };
}

it('computes the first at once, and what waits meanwhile together, in parts of a batch', async () => {
  const queue = new BatchQueue(4);
  const { kind, batches, release } = controlled();
  const answers = [[1], [2, 3], [4], [5, 6, 7]].map((items) => queue.submit(kind, items));
  expect([batches, queue.waiting]).toEqual([[[1]], 6]);
  await release();
  expect([batches.at(-1), queue.waiting]).toEqual([[2, 3, 4, 5], 2]);
  await release();
  expect([batches.at(-1), queue.waiting]).toEqual([[6, 7], 0]);
  await release();
  expect(await Promise.all(answers)).toEqual([[2], [4, 6], [8], [10, 12, 14]]);
  await queue.settled();
});

it('mixes no kinds, and begins with what has waited longest', async () => {
  const queue = new BatchQueue(8);
  const [one, other] = [controlled(), controlled()];
  const answers = [
    queue.submit(one.kind, [1]),
    queue.submit(other.kind, [10]),
    queue.submit(one.kind, [2]),
    queue.submit(other.kind, [20]),
  ];
  await one.release();
  expect([one.batches, other.batches]).toEqual([[[1]], [[10, 20]]]);
  await other.release();
  expect(one.batches).toEqual([[1], [2]]);
  await one.release();
  expect((await Promise.all(answers)).flat()).toEqual([2, 20, 4, 40]);
});

it('an item that fails fails its own caller alone', async () => {
  const queue = new BatchQueue(8);
  const { kind, batches, release } = controlled();
  const answers = [[1], [2], [-3, 4], [5]].map((items) => queue.submit(kind, items));
  const settled = Promise.allSettled(answers);
  // The first alone, the others together, and then each by itself.
  for (let batch = 0; batch < 5; batch++) await release();
  const results = await settled;
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(results[2]).toMatchObject({ reason: { message: '-3,4 has a negative number' } });
  expect(batches).toEqual([[1], [2, -3, 4, 5], [2], [-3, 4], [5]]);
  expect(await queue.submit({ run: async (items: readonly number[]) => items }, [7])).toEqual([7]);
});

it('an aborted caller leaves the queue, or does not wait for its batch', async () => {
  const queue = new BatchQueue(1);
  const { kind, batches, release } = controlled();
  const [first, second] = [new AbortController(), new AbortController()];
  const answers = [
    queue.submit(kind, [1], first.signal),
    queue.submit(kind, [2], second.signal),
    queue.submit(kind, [3]),
  ];
  const settled = Promise.allSettled(answers);
  first.abort(new Error('first'));
  second.abort(new Error('second'));
  expect(queue.waiting).toBe(1);
  await expect(queue.submit(kind, [4], AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  await release();
  await release();
  expect(
    (await settled).map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message)),
  ).toEqual(['first', 'second', [6]]);
  expect(batches).toEqual([[1], [3]]);
});
