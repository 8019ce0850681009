/** Asks the engine to collect garbage for the backends, because it does not see their memory: see `pressure.ts`. */

import { noteCollection } from '../kernel/garbage.ts';
import type { Garbage } from './pressure.ts';

type Collector = (
  options?: { readonly type: 'minor' } | { readonly type: 'major'; readonly flavor: 'last-resort' },
) => void;

let collect: Collector | null = null;

/** Bun's collector, which has no kinds: of young objects alone it collects when it has time. */
const bunCollector =
  ({ gc }: { gc(blocking: boolean): unknown }): Collector =>
  (options) => {
    gc(options?.type !== 'minor');
  };

/** V8's `gc` in Node and Deno, which exists in contexts that are created after its flag was set. */
function collector(): Collector {
  const { Bun } = globalThis as { readonly Bun?: { gc(blocking: boolean): unknown } };
  if (Bun !== undefined) return bunCollector(Bun);
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  return process.getBuiltinModule('node:vm').runInNewContext('gc') as Collector;
}

/** The engine's collector; null where the platform does not allow to call it, as in browsers. */
function available(): Collector | null {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') return null;
  collect ??= collector();
  return collect;
}

/** Collects garbage now, if the platform allows that; finalizers run in the event loop's next turn. */
export function collectGarbage(what: Garbage = 'all'): void {
  noteCollection(what === 'all');
  if (what === 'all') available()?.();
  else available()?.({ type: 'minor' });
}

/**
 * Collects all garbage, and returns to the system what the engine has reserved for young objects: up to 128 MB, which it would keep. For
 * the moment after a phase that makes many objects, such as compiling; takes about 0.1 s.
 */
export function releaseMemory(): void {
  noteCollection(true);
  available()?.({ type: 'major', flavor: 'last-resort' });
}
