/** From a schedule to a plan: the memory of each buffer, and stages of independent kernels. */

import type { Storage } from '../graph/storage.ts';
import { bytesOf } from '../kernel/dtype.ts';
import { type Access, accessesOf, copyKernel, type Kernel, type ScheduledKernel } from '../kernel/kernel.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import type { Exchanges, Place, Plan, PlannedBuffer, PlannedCollective } from '../kernel/plan.ts';
import { sizeOf } from '../kernel/shape.ts';
import { lifetimesOf, placeTemporaries } from '../kernel/temporaries.ts';
import { contiguousView } from '../kernel/view.ts';
import type { Schedule, ScheduledBuffer } from './scheduled.ts';

/** The memory that the caller passes for an external buffer of the plan. */
export type External =
  | { readonly kind: 'storage'; readonly storage: Storage }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'root'; readonly index: number };

/** A plan, and what its external buffers are. */
export interface PlannedSchedule {
  readonly plan: Plan;
  /** Of the external buffers of the plan that the caller passes, which are the first ones. */
  readonly externals: readonly External[];
  readonly exchanges: Exchanges;
}

const alignment = 64;

const alignedBytes = ({ dtype, length }: { dtype: PlannedBuffer['dtype']; length: number }): number =>
  Math.max(alignment, Math.ceil((length * bytesOf(dtype)) / alignment) * alignment);

/**
 * Plans a schedule. `replaces.get(i)` is the storage whose value root i replaces: the new value is written to the same memory if all
 * reads of the old one come first; otherwise it is copied there at the end.
 */
export function planSchedule(schedule: Schedule, replaces: ReadonlyMap<number, Storage> = new Map()): PlannedSchedule {
  const buffers = [...schedule.buffers];
  const kernels = [...schedule.kernels];
  const roles = buffers.map(({ role }) => role);
  const externals: External[] = [];
  const externalOf = new Map<number, number>();
  const storageExternal = new Map<Storage, number>();
  const storageBuffer = new Map<Storage, number>();
  roles.forEach((role, buffer) => {
    if (role.kind === 'temporary' || (role.kind === 'root' && replaces.has(role.index))) return;
    const index = externals.push(role) - 1;
    externalOf.set(buffer, index);
    if (role.kind === 'storage') {
      storageExternal.set(role.storage, index);
      storageBuffer.set(role.storage, buffer);
    }
  });
  const accesses = kernels.map(accessesOf);
  roles.forEach((role, buffer) => {
    const storage = role.kind === 'root' ? replaces.get(role.index) : undefined;
    if (storage === undefined) return;
    let index = storageExternal.get(storage);
    const old = storageBuffer.get(storage);
    if (index === undefined) {
      index = externals.push({ kind: 'storage', storage }) - 1;
      storageExternal.set(storage, index);
    }
    if (old === undefined || canOverwrite(kernels, accesses, old, buffer)) {
      externalOf.set(buffer, index);
      return;
    }
    const { dtype, length } = nth(buffers, buffer);
    const target = buffers.push({ dtype, length, role: { kind: 'storage', storage } }) - 1;
    externalOf.set(target, index);
    const view = contiguousView([length]);
    kernels.push(copyKernel('commit', { buffer, view }, { buffer: target, view }, dtype));
  });
  const { places, arenaBytes, pages } = placeBuffers(buffers, kernels, externalOf, externals.length);
  const planned = buffers.map(({ dtype, length }, buffer) => ({
    dtype,
    length,
    place: nth(places, buffer),
  }));
  const { stages, collectives } = formStages(kernels, planned);
  const plan: Plan = {
    buffers: planned,
    stages,
    arenaBytes,
    externalCount: externals.length + pages.length,
  };
  return { plan, externals, exchanges: { collectives, pages } };
}

/** Whether `fresh` can use the memory of `old`: its writer runs after all readers of `old`, or is the last reader and reads only the element that it writes. */
function canOverwrite(
  kernels: readonly ScheduledKernel[],
  accesses: readonly { reads: Access[]; writes: Access[] }[],
  old: number,
  fresh: number,
): boolean {
  const writer = accesses.findIndex(({ writes }) => writes.some(({ buffer }) => buffer === fresh));
  for (let k = writer + 1; k < accesses.length; k++)
    if (accesses[k]?.reads.some(({ buffer }) => buffer === old)) return false;
  const { reads, writes } = nth(accesses, writer);
  const touching = reads.filter(({ buffer }) => buffer === old);
  if (touching.length === 0) return true;
  const kernel = nth(kernels, writer);
  if (kernel.kind !== 'loop' || kernel.program.instructions.some((i) => i.op === 'gather' && i.access.buffer === old))
    return false;
  const stores = writes.filter(({ buffer }) => buffer === fresh);
  return (
    stores.length === 1 && touching.every(({ view }) => JSON.stringify(view) === JSON.stringify(nth(stores, 0).view))
  );
}

/** The largest page of a program with exchanges: as much as backends find room for in one piece. */
const exchangingPageBytes = 2 ** 30;

/**
 * Places temporaries in one arena; a buffer lives from its first to its last use. With exchanges in between they are placed in external
 * buffers, the pages, which have numbers from `firstPage` on.
 */
function placeBuffers(
  buffers: readonly ScheduledBuffer[],
  kernels: readonly ScheduledKernel[],
  externalOf: ReadonlyMap<number, number>,
  firstPage: number,
): { places: Place[]; arenaBytes: number; pages: readonly number[] } {
  const exchanges = kernels.some(({ kind }) => kind === 'collective');
  const lifetimes = lifetimesOf(kernels.map((kernel) => [kernel]));
  const temporaries = [...buffers.keys()].filter((buffer) => !externalOf.has(buffer) && lifetimes.has(buffer));
  const placed = placeTemporaries(
    temporaries.map((buffer) => ({
      bytes: alignedBytes(nth(buffers, buffer)),
      ...lookUp(lifetimes, buffer),
    })),
    exchanges ? { alignment, pageBytes: exchangingPageBytes } : { alignment },
  );
  const places: Place[] = buffers.map((_, buffer) => {
    const index = externalOf.get(buffer);
    return index === undefined ? { kind: 'arena', byteOffset: 0 } : { kind: 'external', index };
  });
  temporaries.forEach((buffer, k) => {
    const { page, byteOffset } = nth(placed.places, k);
    places[buffer] = exchanges
      ? { kind: 'external', index: firstPage + page, byteOffset }
      : { kind: 'arena', byteOffset };
  });
  return exchanges
    ? { places, arenaBytes: 0, pages: placed.pages }
    : { places, arenaBytes: placed.pages[0] ?? 0, pages: [] };
}

/** The memory of a buffer: a space (an external, or -1 for the arena) and a range in it. */
function memoryOf(buffer: PlannedBuffer): { space: number; start: number; end: number } {
  const { place } = buffer;
  if (place.kind === 'external' && place.byteOffset === undefined) return { space: place.index, start: 0, end: 1 };
  const space = place.kind === 'external' ? place.index : -1;
  const start = place.byteOffset ?? 0;
  return { space, start, end: start + alignedBytes(buffer) };
}

/** Groups consecutive kernels that do not read or write what another of the group writes, with no exchange in between. */
function formStages(
  kernels: readonly ScheduledKernel[],
  buffers: readonly PlannedBuffer[],
): { stages: Kernel[][]; collectives: PlannedCollective[] } {
  const stages: Kernel[][] = [];
  const collectives: PlannedCollective[] = [];
  let written: ReturnType<typeof memoryOf>[] = [];
  let read: ReturnType<typeof memoryOf>[] = [];
  const meet = (list: readonly ReturnType<typeof memoryOf>[], other: ReturnType<typeof memoryOf>): boolean =>
    list.some(({ space, start, end }) => space === other.space && start < other.end && other.start < end);
  for (const kernel of kernels) {
    if (kernel.kind === 'collective') {
      const { collective, source, out } = kernel;
      collectives.push({
        collective,
        source: source.buffer,
        out: out.buffer,
        lengths: [sizeOf(source.view.shape), sizeOf(out.view.shape)],
        before: stages.length,
      });
      continue;
    }
    const { reads, writes } = accessesOf(kernel);
    const readMemory = reads.map(({ buffer }) => memoryOf(nth(buffers, buffer)));
    const writtenMemory = writes.map(({ buffer }) => memoryOf(nth(buffers, buffer)));
    const conflict =
      readMemory.some((memory) => meet(written, memory)) ||
      writtenMemory.some((memory) => meet(written, memory) || meet(read, memory));
    const exchanged = collectives.at(-1)?.before === stages.length;
    if (conflict || exchanged || stages.length === 0) {
      stages.push([]);
      written = [];
      read = [];
    }
    nth(stages, stages.length - 1).push(kernel);
    written.push(...writtenMemory);
    read.push(...readMemory);
  }
  return { stages, collectives };
}

/**
 * Verifies that no kernel of a plan reads a range of the arena before it was written, or after another live buffer overwrote it, by
 * replaying which buffer's value each range contains. Throws an error that names the kernel and the buffers.
 */
export function verifyPlan({ buffers, stages }: Plan): void {
  const owners: { start: number; end: number; buffer: number }[] = [];
  const holds = (buffer: number): boolean => owners.some((owner) => owner.buffer === buffer);
  for (const kernel of stages.flat()) {
    const { reads, writes } = accessesOf(kernel);
    for (const { buffer } of reads) {
      if (nth(buffers, buffer).place.kind === 'external' || holds(buffer)) continue;
      throw new Error(
        `plan: kernel '${kernel.name}' reads buffer ${buffer}, which was not written, or overwritten by another buffer`,
      );
    }
    for (const { buffer } of writes) {
      const planned = nth(buffers, buffer);
      if (planned.place.kind === 'external') continue;
      const { start, end } = memoryOf(planned);
      for (let k = owners.length - 1; k >= 0; k--) {
        const owner = nth(owners, k);
        if (owner.buffer !== buffer && owner.start < end && start < owner.end) {
          if (reads.some((read) => read.buffer === owner.buffer))
            throw new Error(
              `plan: kernel '${kernel.name}' writes buffer ${buffer} over buffer ${owner.buffer}, which it reads`,
            );
          owners.splice(k, 1);
        }
      }
      if (!holds(buffer)) owners.push({ start, end, buffer });
    }
  }
}
