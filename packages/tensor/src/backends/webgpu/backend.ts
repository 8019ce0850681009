/** The WebGPU backend: memory, transfers and plans on one device. */

import { type Allocation, type Backend, DeviceLostError, OutOfMemoryError } from '../../kernel/backend.ts';
import { bytesOf, type DType, type TypedArray, viewArray } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import { collectGarbage } from '../collect-garbage.ts';
import { Pressure } from '../pressure.ts';
import type { DeviceCapabilities, TileTimeTable } from './capabilities.ts';
import { type AdapterDescription, type OpenDevice, openDevice, type WebGpuOptions } from './device.ts';
import { whyUnsupported } from './elements.ts';
import { type ExecutableHost, type NumberedBuffer, WebGpuExecutable } from './executable.ts';
import type { Device, DeviceBuffer } from './gpu-types.ts';
import { KernelCache, lowerPlan } from './lowered-plan.ts';
import { BufferPool, gpuAllocation, mebibytes } from './memory.ts';
import { PipelineCache } from './pipelines.ts';
import { environment } from './platform.ts';
import { measureTiles, softwareTuningSettings, tuningSettings } from './tuner.ts';
import { defaultStorage, storedTileTimes } from './tuner-cache.ts';

/** Counters since the backend was opened. */
export interface WebGpuStatistics {
  readonly submits: number;
  readonly dispatches: number;
  readonly bytesUploaded: number;
  readonly bytesDownloaded: number;
  /** The number of distinct shaders that were compiled. */
  readonly shaders: number;
}

/** A buffer that all plans share, one plan at a time. */
interface SharedBuffer extends NumberedBuffer {
  readonly bytes: number;
}

/** The largest number of runs that may be pending on the device: more would only use memory. */
const mostPendingRuns = 8;

/** The bytes in the form that `writeBuffer` accepts: whole words, and not in a SharedArrayBuffer. */
function uploadable(data: TypedArray): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data;
  const bytes = Math.ceil(byteLength / 4) * 4;
  if (buffer instanceof ArrayBuffer && bytes === byteLength) return new Uint8Array(buffer, byteOffset, bytes);
  const copy = new Uint8Array(bytes);
  copy.set(new Uint8Array(buffer, byteOffset, byteLength));
  return copy;
}

/** One device that runs generated shaders. `createWebGpuBackend` opens it. */
export class WebGpuBackend implements Backend {
  readonly name = 'webgpu';
  readonly adapter: AdapterDescription;
  readonly device: Device;
  #capabilities: DeviceCapabilities;
  readonly #source: OpenDevice['source'];
  readonly #poison: boolean;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  #kernels: KernelCache;
  readonly #pressure = new Pressure();
  /** The temporaries of all plans. */
  readonly #pages: SharedBuffer[] = [];
  /** The staging buffer, once there is one. */
  readonly #staging: SharedBuffer[] = [];
  /** Shared buffers have negative ids, allocations have non-negative ones. */
  #nextShared = -1;
  /** The first error that was reported asynchronously and not yet thrown. */
  #failure: Error | null = null;
  /** Checks whether allocations succeeded, which the device has not answered yet. */
  readonly #unchecked = new Set<Promise<void>>();
  readonly #pendingRuns: Promise<void>[] = [];
  #disposed = false;
  #submits = 0;
  #dispatches = 0;
  #bytesUploaded = 0;
  #bytesDownloaded = 0;

  constructor({ source, device, adapter, capabilities }: OpenDevice, poison: boolean) {
    this.#source = source;
    this.device = device;
    this.adapter = adapter;
    this.#capabilities = capabilities;
    this.#poison = poison;
    this.#pool = new BufferPool({
      create: (bytes) =>
        this.#createBuffer(bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST),
      largestBytes: Math.min(capabilities.bufferBytes, capabilities.bindingBytes),
    });
    this.#pipelines = new PipelineCache(device);
    this.#kernels = new KernelCache(capabilities);
    void device.lost.then(({ reason, message }) => {
      this.#failure = new DeviceLostError(
        this.#disposed
          ? 'webgpu: the backend was disposed; open it again with openBackend'
          : `webgpu: the device '${adapter.name}' was lost (${reason || 'unknown reason'}${message === '' ? '' : `: ${message}`}), with all ` +
              "tensors on it. Close it with closeBackend('webgpu'), open it again, and continue from a checkpoint",
      );
    });
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#failure ??= new Error(`webgpu: ${error.message}`);
    });
  }

  whyUnsupported(dtype: DType): string | null {
    return whyUnsupported(dtype);
  }

  #createBuffer(bytes: number, usage: number): DeviceBuffer {
    this.#throwFailure();
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({ size: bytes, usage });
    const check = this.device.popErrorScope().then(
      (error) => {
        if (error === null) return;
        // So that another attempt, or a smaller one, may succeed.
        this.#pool.trim(0);
        this.#failure ??= new OutOfMemoryError(
          `webgpu: out of memory: '${this.adapter.name}' could not allocate ${mebibytes(bytes)}; ${mebibytes(this.memory().reserved)} are in use. ` +
            'Use a smaller batch, checkpoint, or release tensors',
        );
      },
      // The device was lost, which is reported separately.
      () => {},
    );
    this.#unchecked.add(check);
    void check.finally(() => this.#unchecked.delete(check));
    return buffer;
  }

  #throwFailure(): void {
    const failure = this.#failure;
    if (failure === null) return;
    // Other errors are thrown once, but a lost device stays lost.
    if (!(failure instanceof DeviceLostError)) this.#failure = null;
    throw failure;
  }

  allocate(bytes: number): Allocation {
    this.#throwFailure();
    const garbage = this.#pressure.due(this.#pool.used + bytes);
    if (garbage !== null) collectGarbage(garbage);
    return this.#pool.allocate(bytes);
  }

  free(allocation: Allocation): void {
    if (!this.#disposed) this.#pool.free(gpuAllocation(allocation));
  }

  write(allocation: Allocation, data: TypedArray): void {
    this.#throwFailure();
    const { buffer, bytes } = gpuAllocation(allocation);
    if (data.byteLength > bytes)
      throw new RangeError(`webgpu: ${data.byteLength} bytes do not fit into an allocation of ${bytes}`);
    if (data.byteLength === 0) return;
    this.device.queue.writeBuffer(buffer, 0, uploadable(data));
    this.#bytesUploaded += data.byteLength;
  }

  async read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray> {
    const { buffer, bytes } = gpuAllocation(allocation);
    const wanted = length * bytesOf(dtype);
    if (wanted > bytes)
      throw new RangeError(
        `webgpu: cannot read ${length} elements of ${dtype} (${wanted} bytes) from an allocation of ${bytes} bytes`,
      );
    if (wanted === 0) return viewArray(dtype, new ArrayBuffer(0), 0, 0);
    return viewArray(dtype, await this.#download(buffer, wanted), 0, length);
  }

  async #download(buffer: DeviceBuffer, bytes: number): Promise<ArrayBuffer> {
    this.#throwFailure();
    const size = Math.ceil(bytes / 4) * 4;
    const staging = this.#createBuffer(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      // Copied, because unmapping detaches the mapped range.
      const copy = staging.getMappedRange().slice(0, bytes);
      staging.unmap();
      this.#bytesDownloaded += bytes;
      await this.#settle();
      return copy;
    } catch (error) {
      await this.#settle();
      throw error;
    } finally {
      staging.destroy();
    }
  }

  /** Waits for pending checks, and throws the error that they or the device reported. */
  async #settle(): Promise<void> {
    while (this.#unchecked.size > 0) await Promise.all(this.#unchecked);
    this.#throwFailure();
  }

  prepare(plan: Plan): WebGpuExecutable {
    this.#throwFailure();
    return new WebGpuExecutable(this.#host, lowerPlan(plan, this.capabilities, this.#kernels));
  }

  /** Prepares a plan as if the device had these capabilities: for measurements. */
  prepareFor(plan: Plan, capabilities: DeviceCapabilities): WebGpuExecutable {
    this.#throwFailure();
    return new WebGpuExecutable(this.#host, lowerPlan(plan, capabilities, new KernelCache(capabilities)));
  }

  get capabilities(): DeviceCapabilities {
    return this.#capabilities;
  }

  /** Plans that are prepared after this call choose their tiles by these times. */
  useTileTimes(tileTimes: TileTimeTable): void {
    this.#capabilities = { ...this.#capabilities, tileTimes };
    this.#kernels = new KernelCache(this.#capabilities);
  }

  get #host(): ExecutableHost {
    return {
      device: this.device,
      pipeline: (name, code) => this.#pipelines.get(name, code),
      pages: (bytes) => {
        const pages = bytes.map((size, page) => this.#grow(this.#pages, page, size));
        if (this.#poison)
          for (const [page, size] of bytes.entries())
            this.device.queue.writeBuffer(nth(pages, page).buffer, 0, new Uint8Array(size).fill(0xff));
        return pages;
      },
      staging: (bytes) => this.#grow(this.#staging, 0, bytes),
      allocate: (bytes) => this.#pool.allocate(bytes),
      free: (allocation) => this.#pool.free(allocation),
      ready: async () => {
        if (this.#pendingRuns.length >= mostPendingRuns) await this.#pendingRuns.shift();
        await this.#settle();
      },
      submit: (commands, dispatches) => {
        this.device.queue.submit([commands]);
        this.#submits++;
        this.#dispatches += dispatches;
        this.#pendingRuns.push(
          this.device.queue.onSubmittedWorkDone().then(
            () => {},
            () => {},
          ),
        );
      },
      download: (buffer, bytes) => this.#download(buffer, bytes),
    };
  }

  /** The buffer at that place of the list, enlarged to at least `bytes` if necessary, which discards its contents. */
  #grow(list: SharedBuffer[], place: number, bytes: number): SharedBuffer {
    const known = list[place];
    if (known !== undefined && known.bytes >= bytes) return known;
    known?.buffer.destroy();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const grown = { id: this.#nextShared--, buffer: this.#createBuffer(bytes, usage), bytes };
    list[place] = grown;
    return grown;
  }

  async synchronize(): Promise<void> {
    this.#throwFailure();
    await this.device.queue.onSubmittedWorkDone();
    await this.#settle();
  }

  memory(): { readonly used: number; readonly reserved: number } {
    const shared = [...this.#pages, ...this.#staging].reduce((sum, { bytes }) => sum + bytes, 0);
    return { used: this.#pool.used, reserved: this.#pool.reserved + shared };
  }

  statistics(): WebGpuStatistics {
    return {
      submits: this.#submits,
      dispatches: this.#dispatches,
      bytesUploaded: this.#bytesUploaded,
      bytesDownloaded: this.#bytesDownloaded,
      shaders: this.#pipelines.compiled,
    };
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.destroy();
    // The object keeps Node's process alive.
    this.#source.gpu = null;
    await this.device.lost;
  }
}

/** Opens a separate backend with its own device. Most programs use `openBackend('webgpu')` instead. Throws BackendUnavailableError. */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const backend = new WebGpuBackend(await openDevice(options), options.poison ?? environment('TESSERA_POISON') === '1');
  try {
    await tune(backend, options.tune ?? environment('TESSERA_TUNE'));
  } catch (error) {
    await backend.dispose();
    throw error;
  }
  return backend;
}

/**
 * Measures how fast the device's tiles are. `setting`: '0' never, '1' always; by default hardware is measured once, and the times are
 * stored.
 */
async function tune(backend: WebGpuBackend, setting: string | undefined): Promise<void> {
  const { name, vendor, architecture, device, software } = backend.adapter;
  if (setting === '0' || (software && setting !== '1')) return;
  const storage = defaultStorage();
  // Times that cannot be stored would be measured at every start.
  if (storage === null && setting !== '1') return;
  const report = (message: string): void => console.warn(message);
  const measure = (): Promise<TileTimeTable> =>
    measureTiles(backend, software ? softwareTuningSettings : tuningSettings, report);
  const table = await storedTileTimes([name, vendor, architecture, device].join(' | '), storage, measure, report);
  backend.useTileTimes(table);
}
