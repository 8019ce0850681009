import { ModuleBuilder } from './encoder.ts';

/** What generated code may use. The bits of a result do not depend on `wideTiles`, nor on which compiler tier of V8 runs the code. */
export interface Features {
  /** `f32x4.relaxed_madd` exists. */
  readonly relaxedSimd: boolean;
  /** Tiles of four vectors' width are faster in matrix products than tiles of two: see `probe.ts`. */
  readonly wideTiles: boolean;
}

/** What the code of one kernel is written for. */
export interface Target extends Features {
  /** The memory in which each of the kernel's buffers lies; the first where nothing is said. Scratch memory is always in the first. */
  readonly memories?: readonly number[];
}

/** Whether this engine accepts `write` as the body of a function. */
function accepts(write: (module: ModuleBuilder) => void): boolean {
  const module = new ModuleBuilder('features');
  write(module);
  return WebAssembly.validate(module.build());
}

/** Throws where an engine lacks what all generated code needs: fixed-width SIMD and threads. */
export function detectRelaxedSimd(): boolean {
  const needed = accepts((module) => {
    module.importMemory('env', 'memory', 1, 1);
    module.function('f', []).i32(0).f32x4(0).mem('v128.store').i32(0).i32(0).mem('memory.atomic.notify').drop();
  });
  if (!needed) throw new Error('wasm: this engine has no WebAssembly SIMD or no threads; Node 20 or newer has both');
  return accepts((module) => {
    module.function('f', [], ['v128']).f32x4(0).f32x4(0).f32x4(0).op('f32x4.relaxed_madd');
  });
}
