/** Asks the engine to collect garbage, for the backends, whose memory it does not see: see `pressure.ts`. */

let collect: (() => void) | null = null;

/** In Node. V8 offers `gc` in contexts that are made after its flag was set. */
function collector(): () => void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  return process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void;
}

/** Collects garbage now, where that can be asked for; finalizers run in the event loop's next turn. Browsers do not offer it. */
export function collectGarbage(): void {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') return;
  collect ??= collector();
  collect();
}
