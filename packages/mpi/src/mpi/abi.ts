/** The binary interfaces of MPI libraries: how their handles and constants look. A table instead of a build for each library. */
import type { LibraryHandle } from 'koffi';
import type { ExchangedDType } from '../checks.ts';

/** A communicator, datatype, operation or request, as it is passed to a function. */
export type Handle = number | bigint;

export type AbiName = 'Open MPI' | 'MPICH' | 'MPI-5 ABI';

export interface Abi {
  readonly name: AbiName;
  /** The type of handles in C. */
  readonly handle: 'int' | 'uintptr_t';
  readonly world: Handle;
  readonly types: Readonly<Record<ExchangedDType, Handle>>;
  readonly sum: Handle;
  readonly max: Handle;
  readonly errorsReturn: Handle;
  /** The address that says "the input is in the output". */
  readonly inPlace: bigint;
  readonly anySource: number;
  /** The thread level at which only the thread that started MPI calls it. */
  readonly funneled: number;
}

/** MPI 5.0, appendix A, and `mpi_abi.h`: small numbers of the size of a pointer. */
const standard: Abi = {
  name: 'MPI-5 ABI',
  handle: 'uintptr_t',
  world: 0x101,
  types: { f32: 0x210, f64: 0x214, i32: 0x250, u8: 0x241 },
  sum: 0x21,
  max: 0x23,
  errorsReturn: 0x143,
  inPlace: 1n,
  anySource: -1,
  funneled: 1024,
};

/** MPICH's ABI initiative (MPICH, Intel MPI, MVAPICH, Cray MPI): 32-bit integers, from `mpi.h`. */
const mpich: Abi = {
  name: 'MPICH',
  handle: 'int',
  world: 0x44000000,
  types: { f32: 0x4c00040a, f64: 0x4c00080b, i32: 0x4c000439, u8: 0x4c00013b },
  sum: 0x58000003,
  max: 0x58000001,
  errorsReturn: 0x54000001,
  // -1 as an address.
  inPlace: 2n ** 64n - 1n,
  anySource: -2,
  funneled: 1,
};

/** Open MPI 4 and 5: handles are the addresses of symbols. */
function openMpi(address: (symbol: string) => bigint): Abi {
  return {
    name: 'Open MPI',
    handle: 'uintptr_t',
    world: address('ompi_mpi_comm_world'),
    types: {
      f32: address('ompi_mpi_float'),
      f64: address('ompi_mpi_double'),
      i32: address('ompi_mpi_int32_t'),
      u8: address('ompi_mpi_uint8_t'),
    },
    sum: address('ompi_mpi_op_sum'),
    max: address('ompi_mpi_op_max'),
    errorsReturn: address('ompi_mpi_errors_return'),
    inPlace: 1n,
    anySource: -1,
    funneled: 1,
  };
}

/** The interface of a loaded library, told by what it exports. `addressOf` returns null for a symbol that it does not have. */
export function abiOf(library: LibraryHandle, addressOf: (symbol: string) => bigint | null): Abi {
  if (addressOf('ompi_mpi_comm_world') !== null)
    return openMpi((symbol) => {
      const found = addressOf(symbol);
      if (found === null) throw new Error(`this build of Open MPI does not export ${symbol}`);
      return found;
    });
  // MPICH exports the function from libraries of both interfaces; in its own it reports version -1.
  if (addressOf('MPI_Abi_get_version') !== null) {
    const [major, minor] = [[-1], [-1]];
    library.func('int MPI_Abi_get_version(_Out_ int*, _Out_ int*)')(major, minor);
    if ((major[0] as number) >= 1) return standard;
  }
  return mpich;
}
