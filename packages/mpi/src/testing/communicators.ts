/** The communicators that the tests run on, how each starts ranks, and why it cannot on this machine. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runThreads } from '../threads/run-threads.ts';
import type { Mode } from './program.ts';

/** What became of a run of the test program. */
interface Outcome {
  readonly ok: boolean;
  /** What was printed, or the message of the error. */
  readonly text: string;
}

interface StartOptions {
  readonly timeoutSeconds?: number;
  /** The path of an MPI library. */
  readonly library?: string;
}

interface TestedCommunicator {
  readonly name: string;
  /** Why it is not tested here; null if it is. */
  readonly missing: string | null;
  readonly ranks: readonly number[];
  start(ranks: number, mode: Mode, options?: StartOptions): Promise<Outcome>;
}

interface TestedMpi extends TestedCommunicator {
  /** The path of its library. */
  readonly library: string;
}

const program = new URL('./program.ts', import.meta.url);
const nodeArguments = ['--conditions=tessera-source', '--no-warnings'];
const programArguments = [...nodeArguments, fileURLToPath(program)];

/** Longer than any run takes, and shorter than the tests' own limit. */
const killAfterMs = 100_000;

/** Vitest's own settings are not for programs that it starts. The same modules are loaded a hundred times. */
function environmentOf(more: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  return { ...inherited, NODE_COMPILE_CACHE: join(tmpdir(), 'tessera-compile-cache'), ...more };
}

/**
 * What ranks write to their standard error goes to a file: a launcher that ends all ranks may drop what is still on its way. The shell's $0
 * is the file.
 */
const writingErrors = ['sh', '-c', 'exec "$@" 2>>"$0"'];

function run(command: readonly string[], mode: Mode, { timeoutSeconds = 60, library }: StartOptions): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-ranks-'));
  const errors = join(folder, 'errors.txt');
  writeFileSync(errors, '');
  const [file = '', ...args] = [...command, ...writingErrors, errors, process.execPath, ...programArguments];
  const env = environmentOf({
    TESSERA_TEST_MODE: mode,
    TESSERA_COLLECTIVE_SECONDS: String(timeoutSeconds),
    TESSERA_MPI: library,
  });
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      text += readFileSync(errors, 'utf8');
      rmSync(folder, { recursive: true });
      resolve({ ok: code === 0, text });
    });
  });
}

const self: TestedCommunicator = {
  name: 'one rank',
  missing: null,
  ranks: [1],
  start: (_, mode, options = {}) => run([], mode, options),
};

const threads: TestedCommunicator = {
  name: 'worker threads',
  missing: null,
  ranks: [1, 2, 3, 4],
  async start(ranks, mode, { timeoutSeconds = 60 } = {}) {
    try {
      // Small slots, so that arrays need many of them.
      const results = await runThreads(ranks, program, { data: mode, timeoutSeconds, slotBytes: 40_000 });
      return { ok: true, text: results.join('\n') };
    } catch (error) {
      return { ok: false, text: (error as Error).message };
    }
  },
};

type Kind = 'Open MPI' | 'MPICH';

/** The library that a process under this kind of launcher finds, or why it finds none. */
function probe(kind: Kind): { library: string } | { missing: string } {
  const variable = kind === 'Open MPI' ? 'OMPI_COMM_WORLD_SIZE' : 'PMI_SIZE';
  const script = fileURLToPath(new URL('./probe.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArguments, script], {
    env: environmentOf({ [variable]: '2', TESSERA_MPI: undefined }),
    encoding: 'utf8',
  });
  if (status !== 0) return { missing: /\w*Error: .*/.exec(stderr)?.[0] ?? stderr };
  const found = JSON.parse(stdout) as { path: string; kind: string };
  return found.kind === kind ? { library: found.path } : { missing: `there is only ${found.kind}` };
}

/** An MPI with this launcher, and this library or the one that is found. */
function mpi(name: string, kind: Kind, mpirun: string, library?: string): TestedMpi {
  // Tests run as root in containers, and with more ranks than there are cores.
  const flags = kind === 'Open MPI' ? ['--allow-run-as-root', '--oversubscribe'] : [];
  const { error } = spawnSync(mpirun, ['--version']);
  const found = library === undefined ? probe(kind) : { library };
  const noLibrary = 'missing' in found ? found.missing : null;
  return {
    name,
    missing: error === undefined ? noLibrary : `${mpirun} could not be started: ${error.message}`,
    library: 'library' in found ? found.library : '',
    ranks: [1, 2, 3, 4],
    start: (ranks, mode, options = {}) => {
      const settings = library === undefined ? options : { library, ...options };
      return run([mpirun, ...flags, '-n', String(ranks)], mode, settings);
    },
  };
}

export const openMpi = mpi('Open MPI', 'Open MPI', 'mpirun.openmpi');
export const mpich = mpi('MPICH', 'MPICH', 'mpirun.mpich');

/** An MPI of one's own: TESSERA_TEST_MPIRUN is its mpirun, TESSERA_TEST_MPI its library. */
function own(): TestedMpi[] {
  const { TESSERA_TEST_MPIRUN: mpirun, TESSERA_TEST_MPI: library } = process.env;
  if (!mpirun || !library) return [];
  const openMpi = /open/i.test(spawnSync(mpirun, ['--version'], { encoding: 'utf8' }).stdout ?? '');
  return [mpi(`${mpirun} with ${library}`, openMpi ? 'Open MPI' : 'MPICH', mpirun, library)];
}

export const communicators: readonly TestedCommunicator[] = [self, threads, openMpi, mpich, ...own()];
