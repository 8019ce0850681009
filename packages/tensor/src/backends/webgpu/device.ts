/** Chooses an adapter, and opens a device with the adapter's full limits and features. */

import { BackendUnavailableError } from '../../kernel/backend.ts';
import type { DeviceCapabilities } from './capabilities.ts';
import { mergeDawnOptions } from './dawn-options.ts';
import type { Device } from './gpu-types.ts';
import { adapterAdvice, environment, type GpuSource, openGpu } from './platform.ts';
import type { MatrixUnit } from './tile.ts';

export interface WebGpuOptions {
  /**
   * `hardware`, `software`, or part of an adapter's name (Node only). Default: the environment variable TESSERA_WEBGPU_ADAPTER, else
   * hardware if available, else software.
   */
  readonly adapter?: string;
  /** Options for Dawn, in Node, in addition to ours: `enable-dawn-features=dump_shaders`, `backend=null`. */
  readonly dawnOptions?: readonly string[];
  /** Fill temporaries with NaN before each run, which exposes stale reads. Default: whether TESSERA_POISON is 1. */
  readonly poison?: boolean;
  /**
   * Whether to measure matrix products to find the fastest code: '0' never, '1' always. Default: TESSERA_TUNE, else on hardware only, once
   * for each device and driver.
   */
  readonly tune?: '0' | '1';
  /** Use at most this many storage bindings: for tests. */
  readonly storageBuffers?: number;
  /** Use at most this many bytes for each buffer: for tests. */
  readonly bufferBytes?: number;
}

export interface AdapterDescription {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** Whether the adapter runs on the CPU. */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface OpenDevice {
  readonly source: GpuSource;
  readonly device: Device;
  readonly adapter: AdapterDescription;
  readonly capabilities: DeviceCapabilities;
}

/** Features that are requested if the adapter has them. */
const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'];

/** Limits for which the adapter's maximum is requested instead of WebGPU's default. */
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/**
 * Unsafe APIs are allowed because subgroup matrices are experimental. Dawn's bounds checks are turned off because the code generator
 * already ensures that every index is within its buffer or guarded.
 */
const dawnFeatures = 'enable-dawn-features=allow_unsafe_apis,disable_robustness';

interface FoundAdapter {
  readonly source: GpuSource;
  readonly adapter: GPUAdapter;
}

const isSoftware = ({ info }: GPUAdapter): boolean =>
  info.isFallbackAdapter ||
  /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(`${info.device} ${info.description}`);

async function findAdapter(options: WebGpuOptions): Promise<FoundAdapter> {
  const setting = environment('TESSERA_WEBGPU_ADAPTER');
  const wanted = options.adapter ?? (setting === '' ? undefined : setting);
  const special = wanted === undefined || wanted === 'hardware' || wanted === 'software';
  const ours = [dawnFeatures, ...(special ? [] : [`adapter=${wanted}`])];
  const source = await openGpu(mergeDawnOptions(ours, options.dawnOptions ?? []));
  const request = async (requestOptions: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    try {
      return (await source.gpu?.requestAdapter(requestOptions)) ?? null;
    } catch (error) {
      throw new BackendUnavailableError(
        `webgpu: no adapter '${wanted ?? 'default'}': ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const first = wanted === 'software' ? null : await request({ powerPreference: 'high-performance' });
  const adapter =
    first !== null && (wanted !== 'hardware' || !isSoftware(first))
      ? first
      : wanted === 'hardware'
        ? null
        : await request({ forceFallbackAdapter: true });
  if (adapter === null) {
    source.gpu = null;
    const kind = wanted === undefined ? 'no adapter was found' : `no adapter '${wanted}' was found`;
    const only =
      wanted === 'hardware' && first !== null ? ` (the only one, '${describe(first).name}', runs on the CPU)` : '';
    throw new BackendUnavailableError(`webgpu: ${kind}${only}; ${adapterAdvice()}`);
  }
  return { source, adapter };
}

function describe(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return {
    name: description || [vendor, architecture, device].filter((part) => part !== '').join(' ') || 'unnamed adapter',
    vendor,
    architecture,
    device,
    software: isSoftware(adapter),
    features: [...adapter.features].sort(),
    limits,
  };
}

/** Describes the adapter that `openDevice` would choose with these options. Throws BackendUnavailableError. */
export async function describeAdapter(options: WebGpuOptions = {}): Promise<AdapterDescription> {
  const { source, adapter } = await findAdapter(options);
  try {
    return describe(adapter);
  } finally {
    source.gpu = null;
  }
}

/** An experimental property in Chromium that WebGPU's type definitions do not contain. */
interface SubgroupMatrixInfo {
  readonly subgroupMatrixConfigs?: readonly {
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }[];
}

const matrixUnitsOf = (info: GPUAdapterInfo & SubgroupMatrixInfo): MatrixUnit[] =>
  (info.subgroupMatrixConfigs ?? []).flatMap(({ componentType, resultComponentType, M, N, K }) =>
    componentType === 'f16' && resultComponentType === 'f32' ? [{ m: M, n: N, k: K }] : [],
  );

/** Opens a device on the adapter that the options choose. Throws BackendUnavailableError. */
export async function openDevice(options: WebGpuOptions): Promise<OpenDevice> {
  const { source, adapter } = await findAdapter(options);
  const description = describe(adapter);
  const features = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
  let device: Device;
  try {
    device = await adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
  } catch (error) {
    source.gpu = null;
    throw new BackendUnavailableError(
      `webgpu: the adapter '${description.name}' cannot open a device: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const { limits } = device;
  const capabilities: DeviceCapabilities = {
    storageBuffers: Math.min(
      options.storageBuffers ?? Number.POSITIVE_INFINITY,
      limits.maxStorageBuffersPerShaderStage,
    ),
    invocations: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    bufferBytes: Math.min(options.bufferBytes ?? Number.POSITIVE_INFINITY, limits.maxBufferSize),
    bindingBytes: Math.min(options.bufferBytes ?? Number.POSITIVE_INFINITY, limits.maxStorageBufferBindingSize),
    software: description.software,
    features: new Set([...features, ...(source.gpu?.wgslLanguageFeatures ?? [])]),
    subgroupSize: { min: adapter.info.subgroupMinSize, max: adapter.info.subgroupMaxSize },
    matrixUnits: device.features.has('chromium-experimental-subgroup-matrix') ? matrixUnitsOf(adapter.info) : [],
  };
  return { source, device, adapter: description, capabilities };
}
