/** A lock on a run's folder, which prevents two processes from writing into the same run. */
import { randomUUID } from 'node:crypto';
import { promises as fs, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '@tessera/data/io';

/** The process that holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Start time of the process, in the system's units, because another process can have the same number later. Null if it is not known. */
  readonly start: string | null;
  /** ISO 8601. */
  readonly since: string;
}

/** Field 22 of /proc/PID/stat, in clock ticks since the machine started; null on systems without it. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name in parentheses, may contain spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function isAlive({ pid, start }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    if (errorCode(error) !== 'EPERM') return false;
  }
  const now = startOf(pid);
  return start === null || now === null || now === start;
}

/** The holder that is named in a lock file; null if the file is missing or incomplete. */
async function holderOf(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await fs.readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Who holds a run. */
export interface RunHolder {
  readonly pid: number;
  readonly host: string;
  /** Whether the process is alive; null for one on another machine. */
  readonly isAlive: boolean | null;
}

/** The process that a run's folder is locked by; null for none. */
export async function runHolder(folder: string): Promise<RunHolder | null> {
  const holder = await holderOf(join(folder, 'run.lock'));
  if (holder === null) return null;
  const { pid, host } = holder;
  return { pid, host, isAlive: host === hostname() ? isAlive(holder) : null };
}

/** A held lock. */
export interface RunLock {
  release(): Promise<void>;
}

/** Another process holds the lock on a run's folder. The message names it. */
export class RunInUseError extends Error {
  override name = 'RunInUseError';
  /** Whether the process is on this machine, so that its end will be noticed. */
  readonly isLocal: boolean;

  constructor(message: string, isLocal: boolean) {
    super(message);
    this.isLocal = isLocal;
  }
}

/**
 * Locks a run's folder for this process. The lock of a process that has ended is replaced.
 *
 * @throws RunInUseError where another process holds it
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, 'run.lock');
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    start: startOf(process.pid),
    since: new Date().toISOString(),
  };
  const text = JSON.stringify(own);
  for (;;) {
    if (await createWhole(path, text)) return { release: () => releaseLock(path, text) };
    const holder = await holderOf(path);
    if (holder !== null && (holder.host !== own.host || isAlive(holder)))
      throw new RunInUseError(
        `${folder}: is in use by process ${holder.pid} on ${holder.host} since ${holder.since}; ` +
          (holder.host === own.host ? 'wait for it or stop it' : `if that process has ended, delete ${path}`),
        holder.host === own.host,
      );
    await removeStale(path, holder);
  }
}

/** Creates a file with its whole content at once, so that no process reads an incomplete one. Returns false if it exists already. */
async function createWhole(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomUUID().slice(0, 8)}`;
  await fs.writeFile(draft, text);
  try {
    await fs.link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await fs.rm(draft, { force: true });
  }
}

/** Removes the lock of a process that has ended, unless another process has replaced it in the meantime. */
async function removeStale(path: string, holder: Holder | null): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await fs.rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await holderOf(aside);
  if (JSON.stringify(moved) !== JSON.stringify(holder)) await fs.link(aside, path).catch(() => undefined);
  await fs.rm(aside, { force: true });
}

async function releaseLock(path: string, text: string): Promise<void> {
  const current = await fs.readFile(path, 'utf8').catch(() => null);
  if (current === text) await fs.rm(path, { force: true });
}
