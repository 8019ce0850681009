/**
 * Runs the cases in the runtime that executes this file, and writes one line of JSON for each. The process must end by itself: threads or
 * timers that stay behind would keep it alive.
 */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimeCases } from './cases.ts';

const root = await fs.mkdtemp(join(tmpdir(), 'tessera-runtime-'));
for (const [k, [name, body]] of runtimeCases.entries()) {
  const began = performance.now();
  const folder = join(root, String(k));
  await fs.mkdir(folder);
  const failure = await body(folder).then(
    () => null,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  console.log(JSON.stringify({ name, failure, seconds: (performance.now() - began) / 1000 }));
}
await fs.rm(root, { recursive: true });
