/** The features of the engine that generated code uses, and their detection. */
import { ModuleBuilder } from './module-builder.ts';

/** What generated code may use. The bits of a result do not depend on `wideTiles`, nor on the compiler tier of V8. */
export interface Features {
  /** Whether the engine has `f32x4.relaxed_madd`. */
  readonly relaxedSimd: boolean;
  /** Whether matrix products are faster with tiles of four vectors' width than with tiles of two: see `probe.ts`. */
  readonly wideTiles: boolean;
}

/** The features for which one kernel's code is generated, and the places of its buffers. */
export interface Target extends Features {
  /** The memory of each of the kernel's buffers; the default is the first memory. Scratch memory is always in the first. */
  readonly memories?: readonly number[];
}

/** Whether this engine accepts `write` as the body of a function. */
function accepts(write: (module: ModuleBuilder) => void): boolean {
  const module = new ModuleBuilder('features');
  write(module);
  return WebAssembly.validate(module.build());
}

/** Whether the engine has relaxed SIMD. Throws Error if it does not have fixed-width SIMD and threads, which all generated code needs. */
export function detectRelaxedSimd(): boolean {
  const needed = accepts((module) => {
    module.importMemory('env', 'memory', 1, 1);
    module.function('f', []).i32(0).f32x4(0).mem('v128.store').i32(0).i32(0).mem('memory.atomic.notify').drop();
  });
  if (!needed) throw new Error('wasm: this engine lacks WebAssembly SIMD or threads; Node 20 or newer has both');
  return accepts((module) => {
    module.function('f', [], ['v128']).f32x4(0).f32x4(0).f32x4(0).op('f32x4.relaxed_madd');
  });
}
