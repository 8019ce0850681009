/** The dashboard of a run that is being trained, in a process of its own: it must not take time from the steps. */
import { fork } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Milliseconds after which a dashboard that has not started is given up. */
const longestStart = 60_000;

export interface StartedDashboard {
  /** The address of the run's page; null where it could not start. */
  readonly url: Promise<string | null>;
  /** Ends it. It also ends if this process does. */
  stop(): void;
}

/** Starts the dashboard of the folder that a run's folder is in, so that the run can be compared with its neighbors. */
export function startDashboard(runFolder: string): StartedDashboard {
  const child = fork(
    fileURLToPath(new URL('../../bin/tessera.js', import.meta.url)),
    ['dashboard', dirname(runFolder)],
    {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    },
  );
  const url = new Promise<string | null>((resolve) => {
    child.once('message', (address) => resolve(`${address}?run=${encodeURIComponent(basename(runFolder))}`));
    child.once('exit', () => resolve(null));
    child.once('error', () => resolve(null));
    setTimeout(() => resolve(null), longestStart).unref();
  });
  // This process does not wait for it.
  child.unref();
  child.channel?.unref();
  return {
    url,
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}
