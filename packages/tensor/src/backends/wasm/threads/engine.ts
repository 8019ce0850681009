/**
 * Controls V8's two compilers. Liftoff compiles quickly, but its code is slow; TurboFan compiles slowly, its code is fast, and only it has
 * the re-vectorizer, which pairs 128-bit operations into 256-bit ones.
 */
import type { Platform } from './platform.ts';

/** The first major version of Node in which V8's re-vectorizer works. Older ones reject or ignore the flag. */
const revectorizerSince = 24;

let decided: boolean | null = null;

/**
 * Turns the re-vectorizer on or off for the process and all its workers. Only the first call decides, because V8 needs the flag before the
 * first module is compiled. Returns whether it is on.
 */
export function setRevectorizer(platform: Platform, wanted: boolean): boolean {
  if (decided !== null) return decided;
  decided = wanted && platform.setEngineFlags !== null && platform.nodeMajor >= revectorizerSince;
  if (decided) platform.setEngineFlags?.('--experimental-wasm-revectorize');
  return decided;
}

/**
 * Compiles with TurboFan at once, on all cores, if the platform allows that; otherwise V8 decides at run time. The flags are set for this
 * module only.
 */
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
