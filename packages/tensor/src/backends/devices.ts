/** What there is to compute on. */
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

/** One backend as this machine has it. */
export interface Device {
  /** What `openBackend` takes. */
  readonly backend: string;
  readonly available: true;
  readonly dtypes: readonly DType[];
  /** What it is, by the names that people read. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** Of WebGPU: all adapters that were found, the one that is taken first. */
  readonly adapters: readonly AdapterDescription[];
}

export interface MissingDevice {
  readonly backend: string;
  readonly available: false;
  /** Why, and what to do. */
  readonly reason: string;
}

const dtypeNames = Object.keys(dtypes) as DType[];

function factsOf(backend: Backend, asked: string): Device['facts'] {
  if (!(backend instanceof WasmBackend)) return backend.name === asked ? {} : { is: backend.name };
  const { threads, whyOneThread, features, revectorized } = backend;
  return {
    threads,
    ...(whyOneThread === null ? {} : { 'why one thread': whyOneThread }),
    SIMD: true,
    'fused multiply-add': features.relaxedSimd,
    're-vectoriser (256-bit)': revectorized,
    'matrix tiles': features.wideTiles ? '4 x 16' : '4 x 8',
  };
}

/** The adapters that WebGPU offers, each once. */
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

/** Every backend that Tessera knows, and whether this machine has it. Those that this opens are closed again. */
export async function listDevices(): Promise<(Device | MissingDevice)[]> {
  const devices: (Device | MissingDevice)[] = [];
  for (const name of backendNames()) devices.push(await inspect(name, isBackendOpen(name)));
  return devices;
}
