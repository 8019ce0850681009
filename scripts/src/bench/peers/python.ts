/** Peers in Python: PyTorch, and numpy's BLAS. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../engine.ts';
import { PeerProcess } from './process.ts';

const script = fileURLToPath(new URL('./torch_bench.py', import.meta.url));

/** The libraries of a Python installation. */
interface Offer {
  readonly python: string;
  readonly torch: string | null;
  readonly numpy: string | null;
  /** The BLAS of numpy, if it is a fast one. */
  readonly blas: string | null;
  /** The GPU, if PyTorch was told to use one and found one. */
  readonly gpu: string | null;
}

/** The Python interpreters to try: those in TESSERA_PYTHON, or every python3 on the path. */
export function findPythons(env: NodeJS.ProcessEnv = process.env): string[] {
  const { TESSERA_PYTHON: chosen, PATH: path = '' } = env;
  if (chosen) return chosen.split(delimiter).filter((entry) => entry !== '');
  const candidates = path.split(delimiter).map((folder) => join(folder, 'python3'));
  return candidates.filter((file, index) => candidates.indexOf(file) === index && isExecutable(file));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The numbers of threads to try: all up to four, then powers of two, and `most`. */
export function threadSettings(most: number): number[] {
  const settings = Array.from({ length: most }, (_, k) => k + 1);
  return settings.filter((threads) => threads <= 4 || threads === most || Number.isInteger(Math.log2(threads)));
}

const start = (python: string, threads: number): PeerProcess =>
  new PeerProcess(python, python, ['-u', script], {
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    MKL_NUM_THREADS: String(threads),
  });

export interface PythonPeers {
  readonly engines: Engine[];
  readonly processes: PeerProcess[];
}

/**
 * Starts PyTorch and numpy's BLAS, once for each installation and number of threads. An interpreter without both, or one that does not
 * start, is skipped, and `say` reports why.
 */
export async function pythonPeers(
  wanted: { readonly torch: boolean; readonly blas: boolean },
  mostThreads: number,
  say: (line: string) => void,
): Promise<PythonPeers> {
  const peers: PythonPeers = { engines: [], processes: [] };
  const seen = new Set<string>();
  for (const python of findPythons()) {
    const started = threadSettings(mostThreads).map((threads) => ({ threads, process: start(python, threads) }));
    try {
      const offers = await Promise.all(
        started.map(async ({ process }) => (await process.ask({ do: 'hello' })) as unknown as Offer),
      );
      const [offer] = offers;
      if (offer === undefined) throw new Error('no threads');
      const { torch, numpy, blas, python: version } = offer;
      // An installation with two paths, such as /bin and /usr/bin, is measured once.
      const identity = JSON.stringify(offer);
      const useTorch = wanted.torch && torch !== null;
      const useBlas = wanted.blas && blas !== null;
      if (seen.has(identity) || !(useTorch || useBlas)) {
        await Promise.all(started.map(({ process }) => process.close()));
        continue;
      }
      seen.add(identity);
      for (const { threads, process } of started) {
        peers.processes.push(process);
        const engine = (library: string, name: string, libraryVersion: string): Engine => ({
          library: name,
          version: libraryVersion,
          threads,
          variant: `Python ${version}`,
          prepare: (work) => process.prepare(library, work),
        });
        if (useTorch) peers.engines.push(engine('torch', 'PyTorch', torch));
        if (useBlas) peers.engines.push({ ...engine('numpy', blas, `(numpy ${numpy})`), kinds: ['gemm'] });
      }
    } catch (error) {
      say(`skipping ${python}: ${(error as Error).message}`);
      await Promise.all(started.map(({ process }) => process.close()));
    }
  }
  return peers;
}

/** PyTorch in a new process. */
interface FreshTorch {
  readonly process: PeerProcess;
  readonly version: string;
}

/** Calls `body` for each installation of PyTorch. `say` reports why an interpreter is skipped. */
export async function eachTorch(
  threads: number,
  say: (line: string) => void,
  body: (torch: FreshTorch) => Promise<void>,
): Promise<void> {
  const seen = new Set<string>();
  for (const python of findPythons()) {
    const process = start(python, threads);
    try {
      const offer = (await process.ask({ do: 'hello' })) as unknown as Offer;
      const identity = JSON.stringify(offer);
      if (offer.torch !== null && !seen.has(identity)) await body({ process, version: offer.torch });
      seen.add(identity);
    } catch (error) {
      say(`skipping ${python}: ${(error as Error).message}`);
    }
    await process.close();
  }
}

/** PyTorch on a GPU. */
export interface CudaTorch extends FreshTorch {
  readonly gpu: string;
}

/** The first installation whose PyTorch has a GPU; null if there is none. `say` reports why an interpreter is skipped. */
export async function cudaTorch(say: (line: string) => void): Promise<CudaTorch | null> {
  for (const python of findPythons()) {
    const process = new PeerProcess(python, python, ['-u', script], { TESSERA_TORCH_DEVICE: 'cuda' });
    try {
      const { torch, gpu } = (await process.ask({ do: 'hello' })) as unknown as Offer;
      if (torch !== null && gpu !== null) return { process, version: torch, gpu };
    } catch (error) {
      say(`skipping ${python}: ${(error as Error).message}`);
    }
    await process.close();
  }
  return null;
}
