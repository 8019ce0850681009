/** Asks the engine to collect garbage for the backends, because it does not see their memory: see `pressure.ts`. */

import { noteCollection } from '../kernel/garbage.ts';
import type { Garbage } from './pressure.ts';

type Collector = (options?: { readonly type: 'minor' }) => void;

let collect: Collector | null = null;

/** V8's `gc` in Node, which exists in contexts that are created after its flag was set. */
function collector(): Collector {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  return process.getBuiltinModule('node:vm').runInNewContext('gc') as Collector;
}

/** Collects garbage now, if the platform allows that, which browsers do not; finalizers run in the event loop's next turn. */
export function collectGarbage(what: Garbage = 'all'): void {
  noteCollection(what === 'all');
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') return;
  collect ??= collector();
  if (what === 'all') collect();
  else collect({ type: 'minor' });
}
