/** Runs a lowered plan on a device. Commands are encoded at each run, because a WebGPU command buffer runs only once; the rest is prepared. */

import type { Allocation, Executable, GeneratedCode } from '../../kernel/backend.ts';
import { nth } from '../../kernel/nth.ts';
import { deleteOldest } from './delete-oldest.ts';
import type { CommandBuffer, Device, DeviceBuffer } from './gpu-types.ts';
import type { LoweredPlan, MemoryRange, PlannedDispatch } from './lowered-plan.ts';
import { type GpuAllocation, gpuAllocation } from './memory.ts';
import type { Pipeline } from './pipelines.ts';

/** A GPUBuffer with a unique number. */
export interface NumberedBuffer {
  readonly id: number;
  readonly buffer: DeviceBuffer;
}

/** What executables need from their backend. */
export interface ExecutableHost {
  readonly device: Device;
  pipeline(name: string, code: string): Promise<Pipeline>;
  /** Pages of temporaries of at least these sizes. */
  pages(bytes: readonly number[]): readonly NumberedBuffer[];
  /** A staging buffer of at least that size. */
  staging(bytes: number): NumberedBuffer;
  /** Memory for the duration of a run. */
  allocate(bytes: number): GpuAllocation;
  free(allocation: GpuAllocation): void;
  /** Throws errors of earlier work, and waits while too many runs are pending. */
  ready(): Promise<void>;
  submit(commands: CommandBuffer, dispatches: number): void;
  /** Downloads the first bytes of a buffer. */
  download(buffer: DeviceBuffer, bytes: number): Promise<ArrayBuffer>;
}

/** The time that one shader took. */
export interface GpuKernelProfile {
  readonly kernel: string;
  /** Measured by the device's clock; null if the device does not support timestamps. */
  readonly milliseconds: number | null;
  readonly workgroups: readonly [number, number, number];
}

/** Counters of one run. */
export interface GpuExecutableStatistics {
  readonly dispatches: number;
  /** The number of distinct shaders among them. */
  readonly shaders: number;
  readonly submits: 1;
  readonly temporaryBytes: number;
}

/** The buffers that contain the ranges of a plan during one run. */
interface RunMemory {
  readonly externals: readonly NumberedBuffer[];
  readonly pages: readonly NumberedBuffer[];
  readonly staging: NumberedBuffer | null;
}

function stagingOf({ staging }: RunMemory): NumberedBuffer {
  if (staging === null) throw new Error('webgpu: the plan uses a staging buffer, but its size is 0');
  return staging;
}

type FoundRange = NumberedBuffer & { readonly offset: number };

function findRange(memory: RunMemory, range: MemoryRange): FoundRange {
  switch (range.kind) {
    case 'external': {
      const { id, buffer } = nth(memory.externals, range.index);
      return { id, buffer, offset: 0 };
    }
    case 'arena': {
      const { id, buffer } = nth(memory.pages, range.place.page);
      return { id, buffer, offset: range.place.byteOffset };
    }
    case 'staging': {
      const { id, buffer } = stagingOf(memory);
      return { id, buffer, offset: 0 };
    }
    default:
      return range satisfies never;
  }
}

/** The number of bind groups that a dispatch caches: compiled steps alternate between few allocations. */
const keptBindGroups = 8;

interface PreparedDispatch {
  readonly planned: PlannedDispatch;
  readonly groups: Map<string, GPUBindGroup>;
}

export class WebGpuExecutable implements Executable {
  readonly slowKernels: Executable['slowKernels'];
  readonly statistics: GpuExecutableStatistics;
  readonly #host: ExecutableHost;
  readonly #plan: LoweredPlan;
  readonly #dispatches: readonly PreparedDispatch[];
  readonly #pipelines: Promise<Pipeline[]>;
  #disposed = false;

  constructor(host: ExecutableHost, plan: LoweredPlan) {
    this.#host = host;
    this.#plan = plan;
    this.slowKernels = plan.slow;
    this.#dispatches = plan.dispatches.map((planned) => ({ planned, groups: new Map() }));
    this.#pipelines = Promise.all(plan.dispatches.map(({ kernel, code }) => host.pipeline(kernel, code)));
    // A failure is reported by the run that needs the pipeline.
    this.#pipelines.catch(() => {});
    this.statistics = {
      dispatches: plan.dispatches.length,
      shaders: new Set(plan.dispatches.map(({ code }) => code)).size,
      submits: 1,
      temporaryBytes: plan.pages.reduce((sum, bytes) => sum + bytes, 0),
    };
  }

  /** The WGSL code of the shaders, in the order in which they run. */
  shaders(): { kernel: string; code: string }[] {
    return this.#plan.dispatches.map(({ kernel, code }) => ({ kernel, code }));
  }

  /** The distinct shaders, by the first kernel that runs each. */
  code(): GeneratedCode[] {
    const first = new Map(
      this.shaders()
        .toReversed()
        .map(({ kernel, code }) => [code, kernel]),
    );
    return [...first].reverse().map(([text, name]) => ({ name, language: 'WGSL', text, bytes: text.length }));
  }

  /** Resolves when the run has been submitted; later submissions and reads are executed after it. */
  async run(externals: readonly Allocation[]): Promise<void> {
    await this.#run(externals, null);
  }

  /** Runs the plan, and measures each shader by the device's clock. */
  async profile(externals: readonly Allocation[]): Promise<GpuKernelProfile[]> {
    const { device } = this.#host;
    const count = this.#dispatches.length;
    const profile = (milliseconds: (k: number) => number | null): GpuKernelProfile[] =>
      this.#plan.dispatches.map(({ kernel, workgroups }, k) => ({ kernel, milliseconds: milliseconds(k), workgroups }));
    if (!device.features.has('timestamp-query') || count === 0) {
      await this.#run(externals, null);
      return profile(() => null);
    }
    const sets = Array.from({ length: Math.ceil(count / dispatchesPerQuerySet) }, () =>
      device.createQuerySet({ type: 'timestamp', count: 2 * dispatchesPerQuerySet }),
    );
    const results = device.createBuffer({
      size: sets.length * querySetBytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    try {
      await this.#run(externals, { sets, results });
      const times = new BigUint64Array(await this.#host.download(results, sets.length * querySetBytes));
      return profile((k) => Number(nth(times, 2 * k + 1) - nth(times, 2 * k)) / 1e6);
    } finally {
      for (const set of sets) set.destroy();
      results.destroy();
    }
  }

  dispose(): void {
    this.#disposed = true;
    for (const { groups } of this.#dispatches) groups.clear();
  }

  async #run(externals: readonly Allocation[], timing: Timing | null): Promise<void> {
    const allocations = this.#check(externals);
    const pipelines = await this.#pipelines;
    await this.#host.ready();
    const { device } = this.#host;
    const pages = this.#host.pages(this.#plan.pages);
    const encoder = device.createCommandEncoder();
    const snapshots: GpuAllocation[] = [];
    try {
      const buffers = this.#separate(allocations, encoder, snapshots);
      const { stagingBytes } = this.#plan;
      const staging = stagingBytes === 0 ? null : this.#host.staging(stagingBytes);
      this.#encode(encoder, pipelines, { externals: buffers, pages, staging }, timing);
      this.#host.submit(encoder.finish(), this.#dispatches.length);
    } finally {
      for (const snapshot of snapshots) this.#host.free(snapshot);
    }
  }

  #check(externals: readonly Allocation[]): GpuAllocation[] {
    if (this.#disposed) throw new Error('webgpu: this executable was disposed');
    const needed = this.#plan.externals;
    if (externals.length !== needed.length)
      throw new RangeError(`webgpu: the plan has ${needed.length} external buffers, got ${externals.length}`);
    return externals.map((external, k) => {
      const allocation = gpuAllocation(external);
      const { bytes } = nth(needed, k);
      if (allocation.freed) throw new Error(`webgpu: external buffer ${k} was freed`);
      if (allocation.capacity < bytes)
        throw new RangeError(`webgpu: external buffer ${k} needs ${bytes} bytes, got ${allocation.capacity}`);
      return allocation;
    });
  }

  /** If one allocation is passed twice and written, the other use reads a copy of its contents from before the run. */
  #separate(
    allocations: readonly GpuAllocation[],
    encoder: GPUCommandEncoder,
    snapshots: GpuAllocation[],
  ): readonly NumberedBuffer[] {
    const written = new Map<number, number>();
    for (const [k, { id }] of allocations.entries()) {
      if (!nth(this.#plan.externals, k).written) continue;
      if (written.has(id))
        throw new Error(
          'webgpu: one allocation was passed for two results of a plan, which would overwrite each other',
        );
      written.set(id, k);
    }
    return allocations.map((allocation, k) => {
      const writer = written.get(allocation.id);
      if (writer === undefined || writer === k) return allocation;
      const snapshot = this.#host.allocate(allocation.capacity);
      snapshots.push(snapshot);
      encoder.copyBufferToBuffer(allocation.buffer, 0, snapshot.buffer, 0, allocation.capacity);
      return snapshot;
    });
  }

  #encode(encoder: GPUCommandEncoder, pipelines: readonly Pipeline[], memory: RunMemory, timing: Timing | null): void {
    const find = (range: MemoryRange): FoundRange => findRange(memory, range);
    let pass: GPUComputePassEncoder | null = null;
    const endPass = (): void => {
      pass?.end();
      pass = null;
    };
    for (const [k, dispatch] of this.#dispatches.entries()) {
      const { staged, workgroups } = dispatch.planned;
      const pipeline = nth(pipelines, k);
      if (staged.length > 0 || timing !== null) endPass();
      for (const { range, byteOffset, bytes } of staged) {
        const { buffer, offset } = find(range);
        encoder.copyBufferToBuffer(buffer, offset, stagingOf(memory).buffer, byteOffset, bytes);
      }
      pass ??= encoder.beginComputePass(timing === null ? {} : { timestampWrites: timestampsOf(timing, k) });
      pass.setPipeline(pipeline.pipeline);
      pass.setBindGroup(0, this.#bindGroup(dispatch, pipeline, find));
      pass.dispatchWorkgroups(...workgroups);
      if (staged.length > 0) endPass();
      for (const { range, byteOffset, bytes, written } of staged) {
        if (!written) continue;
        const { buffer, offset } = find(range);
        encoder.copyBufferToBuffer(stagingOf(memory).buffer, byteOffset, buffer, offset, bytes);
      }
    }
    endPass();
    if (timing === null) return;
    for (const [k, set] of timing.sets.entries())
      encoder.resolveQuerySet(set, 0, 2 * dispatchesPerQuerySet, timing.results, k * querySetBytes);
  }

  #bindGroup(
    { planned, groups }: PreparedDispatch,
    { layout }: Pipeline,
    find: (range: MemoryRange) => FoundRange,
  ): GPUBindGroup {
    const found = planned.ranges.map(find);
    const key = found.map(({ id }) => id).join();
    const known = groups.get(key);
    if (known !== undefined) return known;
    const group = this.#host.device.createBindGroup({
      label: planned.kernel,
      layout,
      entries: found.map(({ buffer, offset }, binding) => ({
        binding,
        resource: { buffer, offset, size: nth(planned.ranges, binding).bytes },
      })),
    });
    if (groups.size >= keptBindGroups) deleteOldest(groups);
    groups.set(key, group);
    return group;
  }
}

/** A query set contains at most 4,096 timestamps, two for each dispatch. */
const dispatchesPerQuerySet = 2048;
const querySetBytes = 2 * dispatchesPerQuerySet * 8;

interface Timing {
  readonly sets: readonly GPUQuerySet[];
  readonly results: DeviceBuffer;
}

function timestampsOf({ sets }: Timing, dispatch: number): GPUComputePassTimestampWrites {
  const first = 2 * (dispatch % dispatchesPerQuerySet);
  return {
    querySet: nth(sets, Math.floor(dispatch / dispatchesPerQuerySet)),
    beginningOfPassWriteIndex: first,
    endOfPassWriteIndex: first + 1,
  };
}
