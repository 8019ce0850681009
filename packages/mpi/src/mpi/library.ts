/** Finds an MPI library, loads it, and declares the functions that are used. */
import type { LibraryHandle } from 'koffi';
import { CommunicationError } from '../errors.ts';
import { type Abi, abiOf, type Handle } from './abi.ts';
import type { Launcher } from './launcher.ts';

type Koffi = typeof import('koffi');

/** Elements in memory, whose address is passed on without a copy; or an address. */
type Elements = ArrayBufferView | bigint | null;
type Out<T> = [T];

/** An exchange in which each rank sends `n` elements to each rank, and receives `m` from each. */
type Exchange = (
  from: Elements,
  n: number,
  type: Handle,
  to: Elements,
  m: number,
  toType: Handle,
  comm: Handle,
  request: Out<Handle>,
) => number;

/** The functions that are used. All return an error code, 0 for success. */
interface MpiFunctions {
  initThread(argc: null, argv: null, required: number, provided: Out<number>): number;
  initialized(flag: Out<number>): number;
  finalize(): number;
  abort(comm: Handle, code: number): number;
  errorString(code: number, text: Uint8Array, length: Out<number>): number;
  commRank(comm: Handle, rank: Out<number>): number;
  commSize(comm: Handle, size: Out<number>): number;
  commDup(comm: Handle, copy: Out<Handle>): number;
  setErrorHandler(comm: Handle, handler: Handle): number;
  iAllReduce(
    from: Elements,
    to: Elements,
    count: number,
    type: Handle,
    op: Handle,
    comm: Handle,
    request: Out<Handle>,
  ): number;
  test(request: Out<Handle>, flag: Out<number>, status: Elements): number;
  iSend(
    from: Elements,
    count: number,
    type: Handle,
    to: number,
    tag: number,
    comm: Handle,
    request: Out<Handle>,
  ): number;
  iProbe(source: number, tag: number, comm: Handle, flag: Out<number>, status: Elements): number;
  receive(
    to: Elements,
    count: number,
    type: Handle,
    source: number,
    tag: number,
    comm: Handle,
    status: Elements,
  ): number;
  iReduceScatter(
    from: Elements,
    to: Elements,
    count: number,
    type: Handle,
    op: Handle,
    comm: Handle,
    request: Out<Handle>,
  ): number;
  iAllGather: Exchange;
  iAllToAll: Exchange;
  iBroadcast(data: Elements, count: number, type: Handle, root: number, comm: Handle, request: Out<Handle>): number;
}

/** The prototypes in C; H is the type of handles. */
const prototypes: Readonly<Record<keyof MpiFunctions, string>> = {
  initThread: 'int MPI_Init_thread(void*, void*, int, _Out_ int*)',
  initialized: 'int MPI_Initialized(_Out_ int*)',
  finalize: 'int MPI_Finalize()',
  abort: 'int MPI_Abort(H, int)',
  errorString: 'int MPI_Error_string(int, void*, _Out_ int*)',
  commRank: 'int MPI_Comm_rank(H, _Out_ int*)',
  commSize: 'int MPI_Comm_size(H, _Out_ int*)',
  commDup: 'int MPI_Comm_dup(H, _Out_ H*)',
  setErrorHandler: 'int MPI_Comm_set_errhandler(H, H)',
  iAllReduce: 'int MPI_Iallreduce(void*, void*, int, H, H, H, _Out_ H*)',
  test: 'int MPI_Test(_Inout_ H*, _Out_ int*, void*)',
  iSend: 'int MPI_Isend(void*, int, H, int, int, H, _Out_ H*)',
  iProbe: 'int MPI_Iprobe(int, int, H, _Out_ int*, void*)',
  receive: 'int MPI_Recv(void*, int, H, int, int, H, void*)',
  iReduceScatter: 'int MPI_Ireduce_scatter_block(void*, void*, int, H, H, H, _Out_ H*)',
  iAllGather: 'int MPI_Iallgather(void*, int, H, void*, int, H, H, _Out_ H*)',
  iAllToAll: 'int MPI_Ialltoall(void*, int, H, void*, int, H, H, _Out_ H*)',
  iBroadcast: 'int MPI_Ibcast(void*, int, H, int, H, _Out_ H*)',
};

/** A library that was loaded, and not started yet. */
export interface MpiLibrary {
  readonly path: string;
  /** What the library calls itself, such as "Open MPI v4.1.4". */
  readonly version: string;
  readonly abi: Abi;
  readonly mpi: MpiFunctions;
  /** Lets other processes run on this core. */
  readonly yieldCore: () => void;
}

/** Names of libraries, in the order in which they are tried: Open MPI 4 and 5, MPICH and its kin (Debian's name last), the MPI-5 ABI. */
const names: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['libmpi.so.40', 'libmpi.so.12', 'libmpich.so.12', 'libmpi_abi.so.1'],
  darwin: ['libmpi.40.dylib', 'libmpi.12.dylib', 'libmpi_abi.1.dylib'],
};

/** The names to try: `TESSERA_MPI` alone if it is set; otherwise those of the launcher's kind first. */
export function candidates(
  launcher: Launcher | null,
  environment: NodeJS.ProcessEnv,
  platform = process.platform,
): string[] {
  if (environment.TESSERA_MPI) return [environment.TESSERA_MPI];
  const all = names[platform];
  if (all === undefined)
    throw new CommunicationError(`MPI is not supported on ${platform}. Ranks can be worker threads there: runThreads.`);
  const last = (name: string): boolean => launcher?.kind === 'MPICH' && name.includes('mpi.so.40');
  return [...all.filter((name) => !last(name)), ...all.filter(last)];
}

async function importKoffi(): Promise<Koffi> {
  try {
    const { default: koffi } = await import('koffi');
    return koffi as unknown as Koffi;
  } catch (cause) {
    throw new CommunicationError(
      'MPI is called through the package koffi, which could not be loaded: npm install koffi',
      {
        cause,
      },
    );
  }
}

/** Loads the first library that is there. Throws CommunicationError with what was tried, and what to do. */
export async function loadMpi(launcher: Launcher | null, environment = process.env): Promise<MpiLibrary> {
  const tried = candidates(launcher, environment);
  const koffi = await importKoffi();
  const problems: string[] = [];
  for (const path of tried) {
    try {
      // Open MPI's plugins look for its symbols among those of the whole process.
      return declare(koffi, koffi.load(path, { global: true }), path);
    } catch (error) {
      problems.push(`${path}: ${(error as Error).message}`);
    }
  }
  const wanted =
    launcher === null ? '' : `${launcher.name} started this process as one of ${launcher.ranks} ranks, but `;
  const todo = environment.TESSERA_MPI
    ? 'TESSERA_MPI must be the path of the shared library of Open MPI, MPICH or an MPI with the MPI-5 ABI.'
    : 'Install Open MPI (Debian: openmpi-bin) or MPICH (Debian: mpich), or set TESSERA_MPI to the path of its shared library.';
  throw new CommunicationError(`${wanted}no MPI library could be loaded. Tried:\n  ${problems.join('\n  ')}\n${todo}`);
}

function declare(koffi: Koffi, library: LibraryHandle, path: string): MpiLibrary {
  const addressOf = (symbol: string): bigint | null => {
    try {
      return library.symbol(symbol) as bigint;
    } catch {
      return null;
    }
  };
  if (addressOf('MPI_Init_thread') === null) throw new Error('it does not export MPI_Init_thread, so it is not MPI');
  const abi = abiOf(library, addressOf);
  const mpi = Object.fromEntries(
    Object.entries(prototypes).map(([name, text]) => [name, library.func(text.replaceAll(/\bH\b/g, abi.handle))]),
  ) as unknown as MpiFunctions;
  const text = new Uint8Array(8192);
  const length = [0];
  library.func('int MPI_Get_library_version(void*, _Out_ int*)')(text, length);
  const [line = ''] = new TextDecoder().decode(text.subarray(0, length[0])).split(/[\n,\0]/);
  const version = line.replace(/ Version:\s*/, ' ');
  const yieldCore = koffi.load(null).func('int sched_yield()') as unknown as () => void;
  return { path, version, abi, mpi, yieldCore };
}
