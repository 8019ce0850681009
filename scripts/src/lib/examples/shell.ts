/** Runs the commands of a page in a folder, one after the other, as a reader types them. */
import { spawn } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface ShellResult {
  readonly command: string;
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program to its end, or until its output matches `until`, when it gets Ctrl-C. */
function run(command: string, cwd: string, path: string, until?: RegExp): Promise<ShellResult> {
  // `exec`: Ctrl-C reaches the program itself.
  const child = spawn('bash', ['-c', `set -e; ${until === undefined ? '' : 'exec '}${command}`], {
    cwd,
    env: { ...process.env, PATH: `${path}:${process.env.PATH}`, NO_COLOR: '1', INIT_CWD: undefined },
  });
  let output = '';
  let interrupted = false;
  const hear = (data: Buffer): void => {
    output += data;
    if (!interrupted && until?.test(output)) interrupted = child.kill('SIGINT');
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return new Promise((done) =>
    child.once('close', (status) => done({ command, status: interrupted && status === 130 ? 0 : status, output })),
  );
}

/** A page's folder, which its commands change with `cd`. */
export class Shell {
  #folder: string;
  readonly #root: string;
  readonly #programs: string;

  /** @param root the repository, whose built packages are those that the commands of the page install */
  constructor(root: string, folder: string) {
    this.#root = root;
    this.#folder = folder;
    this.#programs = join(root, 'node_modules/.bin');
  }

  /** Runs a line. What a registry is asked for is taken from the repository. */
  async run(line: string): Promise<ShellResult> {
    const [, folder] = /^cd (\S+)$/.exec(line) ?? [];
    if (folder !== undefined) {
      this.#folder = resolve(this.#folder, folder);
      return { command: line, status: existsSync(this.#folder) ? 0 : 1, output: '' };
    }
    if (line === 'npm install') {
      symlinkSync(join(this.#root, 'node_modules'), join(this.#folder, 'node_modules'));
      return { command: line, status: 0, output: '' };
    }
    const command = line
      .replace(/^npm create tessera (\S+) -- /, 'create-tessera $1 ')
      .replace(/^npx tessera /, 'tessera ');
    const server = command.startsWith('tessera dashboard') ? /https?:\/\/\S+\s/ : undefined;
    return { ...(await run(command, this.#folder, this.#programs, server)), command: line };
  }

  /** Runs a program of a language other than the shell's. */
  program(command: string, text: string): Promise<ShellResult> {
    return run(`${command} - <<'END'\n${text}END`, this.#folder, this.#programs);
  }
}
