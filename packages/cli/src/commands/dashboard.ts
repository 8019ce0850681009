/** tessera dashboard: serves a page that follows, shows and compares runs. */
import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { type Dashboard, pageFiles, serveDashboard } from '@tessera/dashboard';
import { exists } from '@tessera/data/io';
import { isLoopback } from '@tessera/http';
import { writeMetricsTable } from '@tessera/train/watch';
import { callOf, fromCaller, toCaller } from '../lib/call.ts';
import { commandLine, onInterrupt, UsageError } from '../lib/command.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('dashboard', args)
    .command('$0 [folder]', 'Serves a page that follows, shows and compares runs. It only reads their files.')
    .positional('folder', { type: 'string', default: 'runs', describe: 'Folder of runs and sweeps, or of one of them' })
    .options({
      port: { type: 'number', describe: 'Port to listen on; 0: any free port [default: 6007, or any if it is in use]' },
      host: {
        type: 'string',
        default: '127.0.0.1',
        describe:
          'Address to listen on; 0.0.0.0: other machines can read the runs with the token in the printed address',
      },
      token: { type: 'string', describe: 'Token to ask for [default: none on this machine, else a random one]' },
      csv: {
        type: 'string',
        describe:
          'Write the metrics of the run in the folder as a table to this file, or with --csv alone to metrics.csv in it, and stop',
      },
      'allow-host': {
        type: 'string',
        array: true,
        default: [],
        describe: 'Another name that the page is opened by, as behind a proxy',
      },
    })
    .check(({ port, token }) => {
      if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536))
        throw new Error(`--port is ${port}, expected a whole number from 0 to 65535`);
      if (token !== undefined && !/^[\w-]{8,}$/.test(token))
        throw new Error('--token needs at least 8 letters, digits, hyphens or underscores');
      return true;
    })
    .example('$0', 'the runs in runs/')
    .example('$0 runs/lr-sweep', 'one sweep')
    .example('$0 runs/second --csv', 'the metrics of a run as a table, for spreadsheets and data frames')
    .example('$0 --host 0.0.0.0', 'for other machines, too; the connection is not encrypted')
    .epilogue('Ctrl-C stops the server.')
    .parseAsync();

const defaultPort = 6007;

export async function main(args: readonly string[]): Promise<number | undefined> {
  const { folder, port, host, token, allowHost, csv } = await readOptions(args);
  const path = fromCaller(folder);
  const stat = await fs.stat(path).catch(() => null);
  if (stat === null)
    throw new UsageError(`${folder}: there is no such folder; ${callOf('train')} makes one for each run`);
  if (!stat.isDirectory()) throw new UsageError(`${folder}: is not a folder`);
  if (csv !== undefined) {
    if (!(await exists(join(path, 'metrics.jsonl'))))
      throw new UsageError(`${folder}: has no metrics.jsonl; --csv needs the folder of a run that has made a step`);
    console.log(toCaller(await writeMetricsTable(path, csv === '' ? null : fromCaller(csv))));
    return undefined;
  }
  const interruption = onInterrupt();
  const end = new Promise<void>((resolve) => {
    interruption.signal.addEventListener('abort', () => resolve());
    // It ends with the program that has started it.
    process.once('disconnect', resolve);
  });
  const dashboard: Dashboard = await serveDashboard({
    folder: path,
    page: await pageFiles(),
    host,
    port: port ?? defaultPort,
    anyPort: port === undefined,
    token: token ?? (isLoopback(host) ? null : randomBytes(16).toString('hex')),
    hosts: allowHost,
  });
  // To `train --dashboard`, which prints the address itself.
  process.send?.(dashboard.url);
  console.log(`dashboard of ${toCaller(path)}\n\n  ${dashboard.url}\n\nCtrl-C stops it`);
  await end;
  await dashboard.close();
  return undefined;
}
