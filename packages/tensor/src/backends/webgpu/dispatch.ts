/** Assembles the shaders of a kernel, with their buffers and numbers of workgroups. */
import { bytesOf, type DType } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import { type Binding, type BufferUse, ShaderBuffers } from './buffers.ts';
import type { DeviceCapabilities } from './capabilities.ts';
import { ShaderFunctions } from './math.ts';
import { WgslDialect } from './wgsl.ts';

export interface Dispatch {
  readonly name: string;
  /** WGSL; the entry point is `main`. */
  readonly code: string;
  /** The bindings of group 0, in order. Buffers are numbered as in the kernel's context. */
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** The reason if this is a slow path, else null. */
  readonly slow: string | null;
}

export interface KernelBuffer {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
  /** Whether it is part of the plan's arena, a GPUBuffer that it shares with others, instead of having its own. */
  readonly inArena: boolean;
}

/** The buffers and the device for which a kernel is lowered. */
export class KernelContext {
  readonly device: DeviceCapabilities;
  /** The buffers of the kernel, followed by scratch buffers, which exist only while the kernel runs. */
  readonly buffers: KernelBuffer[];

  constructor(device: DeviceCapabilities, buffers: readonly KernelBuffer[]) {
    this.device = device;
    this.buffers = [...buffers];
  }

  /** Adds a buffer for intermediate results of this kernel, and returns its number. */
  scratch(dtype: DType, length: number): number {
    return this.buffers.push({ dtype, length, inArena: true }) - 1;
  }
}

export interface ShaderParts {
  readonly name: string;
  readonly context: KernelContext;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Buffers that are read in vectors of four elements. */
  readonly vectors?: readonly number[];
  /** Buffers that are only written in vectors of four elements. */
  readonly wholeWords?: readonly number[];
  readonly workgroupSize: number;
  /** The number of workgroups. */
  readonly groups: number;
  /**
   * Directives, declarations before the entry point, and its body. The body can use `lane` (u32, below `workgroupSize`) and `group_index`
   * (u32, below `groups`).
   */
  readonly body: (
    dialect: WgslDialect,
    buffers: ShaderBuffers,
  ) => { readonly directives?: readonly string[]; readonly globals?: string; readonly main: string };
  readonly slow?: string | null;
  /** Additional parameters of the entry point: `@builtin(subgroup_id) subgroup: u32`. */
  readonly parameters?: readonly string[];
}

/** The default number of invocations in a workgroup. It is small on a CPU, where they run one after the other and barriers are slow. */
export const workgroupSize = ({ invocations, software }: DeviceCapabilities): number =>
  Math.min(software ? 32 : 256, invocations);

/** Distributes workgroups over two dimensions if one dimension is too short. */
function gridOf(groups: number, perDimension: number): [x: number, y: number, z: number] {
  const y = Math.ceil(groups / perDimension);
  if (y > perDimension)
    throw new RangeError(`webgpu: ${groups} workgroups exceed the device's limit of ${perDimension} x ${perDimension}`);
  return [Math.ceil(groups / Math.max(1, y)), Math.max(1, y), 1];
}

/** A shader with one dimension of workgroups. */
export function shaderDispatch(parts: ShaderParts): Dispatch {
  const { name, context, reads, writes, workgroupSize, groups } = parts;
  const { device } = context;
  const uses = [...new Set([...reads, ...writes])].map((buffer): BufferUse => {
    const { dtype, length, inArena } = nth(context.buffers, buffer);
    return { buffer, dtype, length, inArena, read: reads.includes(buffer), written: writes.includes(buffer) };
  });
  const functions = new ShaderFunctions();
  const buffers = new ShaderBuffers(uses, device, functions.call, parts.vectors, parts.wholeWords);
  const dialect = new WgslDialect(buffers, functions.call);
  const { directives = [], globals = '', main } = parts.body(dialect, buffers);
  const workgroups = gridOf(groups, device.workgroupsPerDimension);
  const padded = workgroups[0] * workgroups[1] > groups;
  const code = [
    ...directives,
    buffers.declarations(),
    functions.code(),
    globals,
    `@compute @workgroup_size(${workgroupSize})`,
    `fn main(${['@builtin(workgroup_id) group: vec3u', '@builtin(local_invocation_index) lane: u32', ...(parts.parameters ?? [])].join(', ')}) {`,
    `let group_index = ${workgroups[1] > 1 ? `group.y * ${workgroups[0]}u + group.x` : 'group.x'};`,
    padded ? `if (group_index >= ${groups}u) { return; }` : '',
    main,
    '}',
  ]
    .filter((part) => part !== '')
    .join('\n');
  const staged = buffers.stagedCount;
  const slow =
    parts.slow ??
    (staged > 0
      ? `${uses.length} buffers, but the device binds ${device.storageBuffers}: ${staged} are copied to one and back`
      : null);
  return { name, code: `${code}\n`, bindings: buffers.bindings, workgroups, slow };
}

/** The size of a buffer's binding in bytes: a multiple of 16, so that vectors can be read. */
export const bindingBytes = (dtype: DType, length: number): number =>
  Math.max(16, Math.ceil((length * bytesOf(dtype)) / 16) * 16);
