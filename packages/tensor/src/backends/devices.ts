/** Lists the backends that this machine can compute on. */
import {
  type Backend,
  BackendUnavailableError,
  backendNames,
  closeBackend,
  isBackendOpen,
  openBackend,
} from '../kernel/backend.ts';
import { type DType, dtypes } from '../kernel/dtype.ts';
import { WasmBackend } from './wasm/index.ts';
import { type AdapterDescription, describeAdapter } from './webgpu/index.ts';

/** A backend that is available on this machine. */
export interface Device {
  /** The name to pass to `openBackend`. */
  readonly backend: string;
  readonly available: true;
  readonly dtypes: readonly DType[];
  /** Its properties, with names for people to read. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** For WebGPU: all adapters that were found; the first is the one that is used. */
  readonly adapters: readonly AdapterDescription[];
}

export interface MissingDevice {
  readonly backend: string;
  readonly available: false;
  /** Why it is not available, and what to do. */
  readonly reason: string;
}

const dtypeNames = Object.keys(dtypes) as DType[];

function factsOf(backend: Backend, requested: string): Device['facts'] {
  if (!(backend instanceof WasmBackend)) return backend.name === requested ? {} : { is: backend.name };
  const { threads, whyOneThread, features, revectorized } = backend;
  return {
    threads,
    ...(whyOneThread === null ? {} : { 'why one thread': whyOneThread }),
    SIMD: true,
    'fused multiply-add': features.relaxedSimd,
    're-vectorizer (256-bit)': revectorized,
    'matrix tiles': features.wideTiles ? '4 x 16' : '4 x 8',
  };
}

/** All adapters that WebGPU offers, without duplicates. */
async function listAdapters(): Promise<AdapterDescription[]> {
  const found = new Map<string, AdapterDescription>();
  for (const options of [{}, { adapter: 'hardware' }, { adapter: 'software' }]) {
    const adapter = await describeAdapter(options).catch((error: unknown) => {
      if (error instanceof BackendUnavailableError) return null;
      throw error;
    });
    if (adapter !== null) found.set(`${adapter.name} ${adapter.device}`, adapter);
  }
  return [...found.values()];
}

async function inspect(name: string, alreadyOpen: boolean): Promise<Device | MissingDevice> {
  try {
    const backend = await openBackend(name);
    const device: Device = {
      backend: name,
      available: true,
      dtypes: dtypeNames.filter((dtype) => (backend.whyUnsupported?.(dtype) ?? null) === null),
      facts: factsOf(backend, name),
      adapters: name === 'webgpu' ? await listAdapters() : [],
    };
    if (!alreadyOpen) await closeBackend(name);
    return device;
  } catch (error) {
    if (error instanceof BackendUnavailableError) return { backend: name, available: false, reason: error.message };
    throw error;
  }
}

/** Every registered backend, and whether it is available on this machine. Backends that this function opens are closed again. */
export async function listDevices(): Promise<(Device | MissingDevice)[]> {
  const devices: (Device | MissingDevice)[] = [];
  for (const name of backendNames()) devices.push(await inspect(name, isBackendOpen(name)));
  return devices;
}
