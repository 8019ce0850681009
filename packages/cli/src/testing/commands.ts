/** Runs commands in tests, and writes data for them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** The arguments with which npm scripts run Node on the sources. */
export const sourceArguments = [
  '--conditions=tessera-source',
  ...['--import', new URL('../../bin/compile-cache.js', import.meta.url).href],
];

const program = fileURLToPath(new URL('../../bin/tessera.js', import.meta.url));

/** Starts a command as npm does, called from the folder `root`. */
export function start(root: string, name: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ['--conditions=tessera-source', program, name, ...args], {
    cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
    env: { ...process.env, INIT_CWD: root, NO_COLOR: '1' },
  });
}

/** Waits for a command to end. `interrupt`: sends Ctrl-C as soon as its output on either stream matches. */
export function outcome(child: ChildProcessWithoutNullStreams, interrupt?: RegExp): Promise<Outcome> {
  let out = '';
  let err = '';
  let interrupted = false;
  const look = (): void => {
    if (!interrupted && (interrupt?.test(err) || interrupt?.test(out))) interrupted = child.kill('SIGINT');
  };
  child.stdout.on('data', (data) => {
    out += data;
    look();
  });
  child.stderr.on('data', (data) => {
    err += data;
    look();
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, out, err })));
}

/** Writes drawings with a file of captions; half of them are in the split `test`. */
export async function writePictures(folder: string): Promise<void> {
  await fs.mkdir(folder);
  const rows = ['image,caption,split'];
  for (const [name, color] of Object.entries({ red: '#d22', green: '#2a4', blue: '#24d', black: '#111' }))
    for (const [shape, drawing] of Object.entries({
      circle: '<circle cx="8" cy="8" r="6"/>',
      square: '<rect x="3" y="3" width="10" height="10"/>',
    }))
      for (const split of ['train', 'test']) {
        const file = `${name}-${shape}-${split}.svg`;
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="${color}">${drawing}</svg>`;
        await fs.writeFile(join(folder, file), svg);
        rows.push(`${file},a ${name} ${shape},${split}`);
      }
  await fs.writeFile(join(folder, 'captions.csv'), `${rows.join('\n')}\n`);
}
