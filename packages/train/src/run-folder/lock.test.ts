/** The lock on the folder of a run. */
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockRun } from './lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => fs.rm(folder, { recursive: true }));

it('is held by one process at a time, and free after its release', async () => {
  const lock = await lockRun(folder);
  await expect(lockRun(folder)).rejects.toThrow(
    `${folder}: is in use by process ${process.pid} on ${hostname()} since `,
  );
  await lock.release();
  await (await lockRun(folder)).release();
  expect(await fs.readdir(folder)).toEqual([]);
});

it('does not survive its process, not even a kill', async () => {
  const module = JSON.stringify(new URL('./lock.ts', import.meta.url).href);
  const source = `const { lockRun } = await import(${module}); await lockRun(${JSON.stringify(folder)}); console.log('locked'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--conditions=tessera-source', '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await expect(lockRun(folder)).rejects.toThrow(`process ${child.pid}`);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
  await (await lockRun(folder)).release();
}, 30_000);

it('of a process on another machine is left alone', async () => {
  const path = join(folder, 'run.lock');
  await fs.writeFile(path, JSON.stringify({ pid: 1, host: 'elsewhere', start: null, since: 'yesterday' }));
  await expect(lockRun(folder)).rejects.toThrow(`if that process has ended, delete ${path}`);
});

it('that was cut off while it was written, or whose number another process has now, is replaced', async () => {
  await fs.writeFile(join(folder, 'run.lock'), '{"pid": ');
  await (await lockRun(folder)).release();
  const reused = { pid: process.pid, host: hostname(), start: '1', since: 'before' };
  await fs.writeFile(join(folder, 'run.lock'), JSON.stringify(reused));
  await (await lockRun(folder)).release();
});
