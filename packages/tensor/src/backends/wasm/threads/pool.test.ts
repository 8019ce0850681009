import { expect, test } from 'vitest';
import { control } from './control.ts';
import type { Platform, WorkerHandle } from './platform.ts';
import { Pool } from './pool.ts';

/** A platform whose workers do nothing except record whether they keep the process alive. */
function mockPlatform(): {
  platform: Platform;
  alive: () => boolean[];
  report: (worker: number, message: unknown) => void;
} {
  const referenced: boolean[] = [];
  const listeners: ((message: unknown) => void)[] = [];
  const createWorker = (): WorkerHandle => {
    const index = referenced.push(false) - 1;
    return {
      post: () => undefined,
      listen: (onMessage) => {
        listeners[index] = onMessage;
      },
      ref: () => {
        referenced[index] = true;
      },
      unref: () => {
        referenced[index] = false;
      },
      terminate: async () => undefined,
    };
  };
  const platform: Platform = {
    env: () => undefined,
    parallelism: 2,
    setEngineFlags: null,
    nodeMajor: 0,
    createWorker,
    whyOneThread: null,
    canBlock: true,
    collectGarbage: () => undefined,
  };
  return { platform, alive: () => referenced, report: (worker, message) => listeners[worker]?.(message) };
}

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
// The shortest valid module.
const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

test('the process stays alive for a job in progress when a call that waited for the workers returns', async () => {
  const { platform, alive, report } = mockPlatform();
  const pool = new Pool(memory, platform, 2);
  const ready = pool.whenReady();
  expect(alive()).toEqual([true, true]);
  // The workers report in shared memory that they are ready; a job starts before their messages arrive.
  new Int32Array(memory.buffer)[control.ready / 4] = 2;
  const program = { id: 1, module, memories: [], marks: null, instance: null };
  pool.dispatch({ program, table: 0, scratch: 0, scratchBytes: 0 }, () => undefined);
  report(0, { kind: 'ready' });
  await ready;
  expect(alive()).toEqual([true, true]);
  pool.conclude();
  expect(alive()).toEqual([false, false]);
});
