/**
 * V8's compilers. Liftoff is quick to compile and slow to run; TurboFan the other way round, and it alone has the re-vectoriser,
 * which pairs 128-bit operations into 256-bit ones.
 */
import type { Platform } from './platform.ts';

/** Node's major version from which V8's re-vectoriser works. Older ones refuse the flag, or ignore it. */
const revectorizerSince = 24;

let asked: boolean | null = null;

/**
 * Switches the re-vectoriser on or off for the process and all its workers; only the first call decides, as V8 wants it before
 * the first module is compiled. Returns whether it is on.
 */
export function setRevectorizer(platform: Platform, wanted: boolean): boolean {
  if (asked !== null) return asked;
  asked = wanted && platform.setEngineFlags !== null && platform.nodeMajor >= revectorizerSince;
  if (asked) platform.setEngineFlags?.('--experimental-wasm-revectorize');
  return asked;
}

/** Compiles with TurboFan at once, on all cores, where the platform lets us; otherwise V8 decides as it runs. */
export function compileOptimized(platform: Platform, bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  const { setEngineFlags } = platform;
  if (setEngineFlags === null) return new WebAssembly.Module(bytes);
  setEngineFlags('--no-liftoff', '--no-wasm-lazy-compilation');
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    setEngineFlags('--liftoff', '--wasm-lazy-compilation');
  }
}
