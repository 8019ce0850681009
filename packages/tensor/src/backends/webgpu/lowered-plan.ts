/** Lowers a plan to dispatches: their shaders, the memory that each binds, and the places of all temporaries. */

import { localKernel } from '../../codegen/kernel-key.ts';
import type { DType } from '../../kernel/dtype.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { lookUp, nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import { placeTemporaries, type TemporaryPlace } from '../../kernel/temporaries.ts';
import type { DeviceCapabilities } from './capabilities.ts';
import { deleteOldest } from './delete-oldest.ts';
import { bindingBytes, type Dispatch, type KernelBuffer, KernelContext } from './dispatch.ts';
import { lowerKernel } from './lower.ts';
import { tooLarge } from './memory.ts';

/** A kernel's shaders, shared by all kernels that differ only in their buffers. */
export interface LoweredKernel {
  readonly dispatches: readonly Dispatch[];
  readonly scratch: readonly KernelBuffer[];
}

/** The memory that a binding refers to. */
export type MemoryRange =
  | { readonly kind: 'external'; readonly index: number; readonly bytes: number }
  | { readonly kind: 'arena'; readonly place: TemporaryPlace; readonly bytes: number }
  /** The staging buffer: a separate GPUBuffer, because WebGPU cannot copy within one buffer. */
  | { readonly kind: 'staging'; readonly bytes: number };

interface CopiedRange {
  readonly range: MemoryRange;
  readonly byteOffset: number;
  readonly bytes: number;
  readonly read: boolean;
  readonly written: boolean;
}

export interface PlannedDispatch {
  readonly kernel: string;
  readonly code: string;
  readonly workgroups: readonly [number, number, number];
  readonly ranges: readonly MemoryRange[];
  /** Copies to and from the staging buffer, before and after the shader. */
  readonly staged: readonly CopiedRange[];
}

export interface LoweredPlan {
  readonly dispatches: readonly PlannedDispatch[];
  /** The size of each page of temporaries, in bytes. */
  readonly pages: readonly number[];
  readonly stagingBytes: number;
  /** The least size of each external buffer in bytes, and whether it is written. */
  readonly externals: readonly { readonly bytes: number; readonly written: boolean }[];
  readonly slow: readonly { readonly kernel: string; readonly reason: string }[];
}

/** Maps each buffer of the plan to the first buffer with the same memory. */
function canonicalBuffers({ buffers }: Plan): number[] {
  const first = new Map<number, number>();
  return buffers.map(({ place }, buffer) => {
    if (place.kind === 'arena') return buffer;
    const known = first.get(place.index);
    if (known === undefined) first.set(place.index, buffer);
    return known ?? buffer;
  });
}

/** Lowers kernels, and caches the result, so that equal kernels are lowered once. */
export class KernelCache {
  readonly #device: DeviceCapabilities;
  readonly #kernels = new Map<string, LoweredKernel>();

  constructor(device: DeviceCapabilities) {
    this.#device = device;
  }

  lower(key: string, kernel: Kernel, buffers: readonly KernelBuffer[]): LoweredKernel {
    const known = this.#kernels.get(key);
    if (known !== undefined) return known;
    const context = new KernelContext(this.#device, buffers);
    const lowered = { dispatches: lowerKernel(kernel, context), scratch: context.buffers.slice(buffers.length) };
    if (this.#kernels.size >= keptKernels) deleteOldest(this.#kernels);
    this.#kernels.set(key, lowered);
    return lowered;
  }
}

const keptKernels = 4096;

/** Every device accepts bindings that start at multiples of this, in bytes. */
const bindingAlignment = 256;

/** A buffer of a kernel's context: a buffer of the plan, or a temporary that only the kernel uses. */
type StepBuffer = { readonly planned: number } | { readonly temporary: number };

interface Step {
  readonly name: string;
  readonly dispatch: Dispatch;
  readonly buffers: readonly StepBuffer[];
}

/** Lowers all kernels of a plan. Throws OutOfMemoryError if a buffer is larger than the device allows. */
export function lowerPlan(plan: Plan, device: DeviceCapabilities, cache: KernelCache): LoweredPlan {
  const canonical = canonicalBuffers(plan);
  const temporaries: { bytes: number; from: number; to: number }[] = [];
  const temporaryOf = new Map<number, number>();
  const steps: Step[] = [];
  const slow: { kernel: string; reason: string }[] = [];
  const isExternal = (buffer: number): boolean => nth(plan.buffers, buffer).place.kind === 'external';
  /** Adds a temporary, which is needed from the next step on. */
  const temporary = (dtype: DType, length: number): number =>
    temporaries.push({ bytes: bindingBytes(dtype, length), from: steps.length, to: steps.length }) - 1;

  for (const kernel of plan.stages.flat()) {
    const local = localKernel(kernel, plan, (buffer) => nth(canonical, buffer));
    const buffers = local.buffers.map(
      (buffer, k): KernelBuffer => ({
        dtype: nth(local.dtypes, k),
        length: nth(plan.buffers, buffer).length,
        inArena: !isExternal(buffer),
      }),
    );
    const { dispatches, scratch } = cache.lower(`${local.key} ${JSON.stringify(buffers)}`, local.kernel, buffers);
    const scratchTemporaries = scratch.map(({ dtype, length }) => temporary(dtype, length));
    const places = [
      ...local.buffers.map((buffer) => ({ planned: buffer })),
      ...scratchTemporaries.map((index) => ({ temporary: index })),
    ];
    for (const dispatch of dispatches) {
      if (dispatch.slow !== null) slow.push({ kernel: kernel.name, reason: dispatch.slow });
      for (const buffer of local.buffers) {
        if (isExternal(buffer)) continue;
        const known = temporaryOf.get(buffer);
        if (known === undefined) {
          const { dtype, length } = nth(plan.buffers, buffer);
          temporaryOf.set(buffer, temporary(dtype, length));
        } else nth(temporaries, known).to = steps.length;
      }
      for (const index of scratchTemporaries) nth(temporaries, index).to = steps.length;
      steps.push({
        name: dispatch.name === local.kernel.name ? kernel.name : dispatch.name,
        dispatch,
        buffers: places,
      });
    }
  }
  const largest = Math.min(device.bufferBytes, device.bindingBytes);
  for (const { bytes, from } of temporaries) if (bytes > largest) throw tooLarge(bytes, largest, nth(steps, from).name);
  const { places, pages } = placeTemporaries(temporaries, {
    alignment: bindingAlignment,
    pageBytes: device.bufferBytes,
  });

  const rangeOf = (buffer: StepBuffer): MemoryRange => {
    if ('planned' in buffer) {
      const { place, dtype, length } = nth(plan.buffers, buffer.planned);
      if (place.kind === 'external')
        return { kind: 'external', index: place.index, bytes: bindingBytes(dtype, length) };
    }
    const index = 'planned' in buffer ? lookUp(temporaryOf, buffer.planned) : buffer.temporary;
    return { kind: 'arena', place: nth(places, index), bytes: nth(temporaries, index).bytes };
  };
  const dispatches = steps.map(({ name, dispatch, buffers }): PlannedDispatch => {
    let staged: readonly CopiedRange[] = [];
    const ranges = dispatch.bindings.map((binding): MemoryRange => {
      if (binding.kind === 'buffer') return rangeOf(nth(buffers, binding.buffer));
      staged = binding.members.map(({ buffer, ...member }) => ({ ...member, range: rangeOf(nth(buffers, buffer)) }));
      return { kind: 'staging', bytes: binding.bytes };
    });
    return { kernel: name, code: dispatch.code, workgroups: dispatch.workgroups, ranges, staged };
  });
  const stagingBytes = dispatches
    .flatMap(({ ranges }) => ranges)
    .reduce((most, range) => (range.kind === 'staging' ? Math.max(most, range.bytes) : most), 0);
  if (stagingBytes > largest) throw tooLarge(stagingBytes, largest, 'the staging buffer of a kernel with many buffers');
  return { dispatches, pages, stagingBytes, externals: externalUses(plan, steps), slow };
}

/** How each external buffer is used, for checks before a run. */
function externalUses(plan: Plan, steps: readonly Step[]): { bytes: number; written: boolean }[] {
  const uses = Array.from({ length: plan.externalCount }, () => ({ bytes: 0, written: false }));
  for (const { place, dtype, length } of plan.buffers)
    if (place.kind === 'external') {
      const use = nth(uses, place.index);
      use.bytes = Math.max(use.bytes, bindingBytes(dtype, length));
    }
  for (const { dispatch, buffers } of steps)
    for (const binding of dispatch.bindings) {
      const written =
        binding.kind === 'staging'
          ? binding.members.filter((member) => member.written).map(({ buffer }) => buffer)
          : binding.written
            ? [binding.buffer]
            : [];
      for (const local of written) {
        const buffer = nth(buffers, local);
        const place = 'planned' in buffer ? nth(plan.buffers, buffer.planned).place : null;
        if (place?.kind === 'external') nth(uses, place.index).written = true;
      }
    }
  return uses;
}
