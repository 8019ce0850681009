/** A plan in shaders: what each dispatch binds, and where the temporaries of all of them lie. */

import { localKernel } from '../../codegen/kernel-key.ts';
import type { DType } from '../../kernel/dtype.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Plan } from '../../kernel/plan.ts';
import { placeTemporaries, type TemporaryPlace } from '../../kernel/temporaries.ts';
import type { DeviceCapabilities } from './capabilities.ts';
import { bindingBytes, type Dispatch, type KernelBuffer, KernelContext } from './dispatch.ts';
import { lowerKernel } from './lower.ts';
import { tooLarge } from './memory.ts';

/** A kernel's shaders, shared by all kernels that differ in their buffers alone. */
export interface LoweredKernel {
  readonly dispatches: readonly Dispatch[];
  readonly scratch: readonly KernelBuffer[];
}

/** Memory that a binding shows. */
export type MemoryRange =
  | { readonly kind: 'external'; readonly index: number; readonly bytes: number }
  | { readonly kind: 'arena'; readonly place: TemporaryPlace; readonly bytes: number }
  /** The staging buffer: a GPUBuffer of its own, as nothing can be copied within one. */
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
  /** Copies before and after the shader, to and from the staging buffer. */
  readonly staged: readonly CopiedRange[];
}

export interface LoweredPlan {
  readonly dispatches: readonly PlannedDispatch[];
  /** Bytes of each page of temporaries. */
  readonly pages: readonly number[];
  readonly stagingBytes: number;
  /** Bytes that each external buffer must have at least, and whether it is written. */
  readonly externals: readonly { readonly bytes: number; readonly written: boolean }[];
  readonly slow: readonly { readonly kernel: string; readonly reason: string }[];
}

/** Buffers of the plan that are the same memory count as one: the lowest of their numbers stands for all. */
function canonicalBuffers({ buffers }: Plan): number[] {
  const first = new Map<number, number>();
  return buffers.map(({ place }, buffer) => {
    if (place.kind === 'arena') return buffer;
    const known = first.get(place.index);
    if (known === undefined) first.set(place.index, buffer);
    return known ?? buffer;
  });
}

/** Lowers equal kernels once. */
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
    if (this.#kernels.size >= keptKernels) this.#kernels.delete(this.#kernels.keys().next().value as string);
    this.#kernels.set(key, lowered);
    return lowered;
  }
}

const keptKernels = 4096;

/** Bindings start at multiples of this on every device. */
const bindingAlignment = 256;

interface Step {
  readonly name: string;
  readonly dispatch: Dispatch;
  /** Of each buffer of the kernel's context: the plan's buffer, or a temporary of its own. */
  readonly buffers: readonly ({ readonly planned: number } | { readonly temporary: number })[];
}

export function lowerPlan(plan: Plan, device: DeviceCapabilities, cache: KernelCache): LoweredPlan {
  const canonical = canonicalBuffers(plan);
  const temporaries: { bytes: number; from: number; to: number }[] = [];
  const temporaryOf = new Map<number, number>();
  const steps: Step[] = [];
  const slow: { kernel: string; reason: string }[] = [];
  const isExternal = (buffer: number): boolean => plan.buffers[buffer].place.kind === 'external';
  /** A new temporary, alive during the step that comes next. */
  const temporary = (dtype: DType, length: number): number =>
    temporaries.push({ bytes: bindingBytes(dtype, length), from: steps.length, to: steps.length }) - 1;

  for (const kernel of plan.stages.flat()) {
    const local = localKernel(kernel, plan, (buffer) => canonical[buffer]);
    const buffers = local.buffers.map(
      (buffer, k): KernelBuffer => ({
        dtype: local.dtypes[k],
        length: plan.buffers[buffer].length,
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
        if (known === undefined)
          temporaryOf.set(buffer, temporary(plan.buffers[buffer].dtype, plan.buffers[buffer].length));
        else temporaries[known].to = steps.length;
      }
      for (const index of scratchTemporaries) temporaries[index].to = steps.length;
      steps.push({
        name: dispatch.name === local.kernel.name ? kernel.name : dispatch.name,
        dispatch,
        buffers: places,
      });
    }
  }
  const largest = Math.min(device.bufferBytes, device.bindingBytes);
  for (const { bytes, from } of temporaries) if (bytes > largest) throw tooLarge(bytes, largest, steps[from].name);
  const { places, pages } = placeTemporaries(temporaries, {
    alignment: bindingAlignment,
    pageBytes: device.bufferBytes,
  });

  const rangeOf = (buffer: Step['buffers'][number]): MemoryRange => {
    if ('planned' in buffer) {
      const { place, dtype, length } = plan.buffers[buffer.planned];
      if (place.kind === 'external')
        return { kind: 'external', index: place.index, bytes: bindingBytes(dtype, length) };
    }
    const index = 'planned' in buffer ? (temporaryOf.get(buffer.planned) as number) : buffer.temporary;
    return { kind: 'arena', place: places[index], bytes: temporaries[index].bytes };
  };
  const dispatches = steps.map(({ name, dispatch, buffers }): PlannedDispatch => {
    let staged: readonly CopiedRange[] = [];
    const ranges = dispatch.bindings.map((binding): MemoryRange => {
      if (binding.kind === 'buffer') return rangeOf(buffers[binding.buffer]);
      staged = binding.members.map(({ buffer, ...member }) => ({ ...member, range: rangeOf(buffers[buffer]) }));
      return { kind: 'staging', bytes: binding.bytes };
    });
    return { kernel: name, code: dispatch.code, workgroups: dispatch.workgroups, ranges, staged };
  });
  const stagingBytes = dispatches
    .flatMap(({ ranges }) => ranges)
    .reduce((most, range) => (range.kind === 'staging' ? Math.max(most, range.bytes) : most), 0);
  if (stagingBytes > largest) throw tooLarge(stagingBytes, largest, 'the staging of a kernel with many buffers');
  return { dispatches, pages, stagingBytes, externals: externalUses(plan, steps), slow };
}

function externalUses(plan: Plan, steps: readonly Step[]): { bytes: number; written: boolean }[] {
  const uses = Array.from({ length: plan.externalCount }, () => ({ bytes: 0, written: false }));
  for (const { place, dtype, length } of plan.buffers)
    if (place.kind === 'external')
      uses[place.index].bytes = Math.max(uses[place.index].bytes, bindingBytes(dtype, length));
  for (const { dispatch, buffers } of steps)
    for (const binding of dispatch.bindings) {
      const written =
        binding.kind === 'staging'
          ? binding.members.filter((member) => member.written).map(({ buffer }) => buffer)
          : binding.written
            ? [binding.buffer]
            : [];
      for (const local of written) {
        const buffer = buffers[local];
        const place = 'planned' in buffer ? plan.buffers[buffer.planned].place : null;
        if (place?.kind === 'external') uses[place.index].written = true;
      }
    }
  return uses;
}
