/**
 * Finds the micro-kernel that suits the machine. With pairs of 128-bit vectors in 256-bit registers, or with 32 vector registers, a tile
 * of four vectors' width is twice as fast as one of two; with 16 registers of 128 bits it does not fit, and is slower. A measurement of
 * some milliseconds decides.
 */
import { ModuleBuilder } from './emit/module-builder.ts';
import { emitMicroKernel, mainHeight, panelRows } from './products/micro.ts';
import { compileOptimized } from './threads/engine.ts';
import type { Platform } from './threads/platform.ts';

const depth = 256;
const rows = 3 * panelRows;
const rounds = 8;
/** The time in which V8 can detect that the code is worth optimizing, on platforms where that cannot be requested. */
const warmUpMs = 30;

/** Whether tiles of 6 x 16 are faster than tiles of 6 x 8. */
export function probeWideTiles(platform: Platform, relaxedSimd: boolean): boolean {
  const module = new ModuleBuilder('probe');
  module.importMemory('env', 'memory', 1, 4);
  const widths = [2, 4] as const;
  for (const vectors of widths) {
    const features = { relaxedSimd, wideTiles: false };
    const micro = emitMicroKernel(module, { type: 'f32', vectors, rows: mainHeight, layout: 'panels' }, features);
    module.exportFunction(`width${vectors}`, micro);
  }
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
  const compiled = compileOptimized(platform, module.build());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const [a, b, c] = [0, 64 << 10, 128 << 10];
  const multiply = (vectors: number): void => {
    const micro = exports[`width${vectors}`] as (...args: number[]) => void;
    for (let k = 0; k < 4 * 4; k += vectors) micro(a, b, c, depth, rows, 0, vectors * 16, 0);
  };
  if (platform.setEngineFlags === null)
    for (const vectors of widths)
      for (const end = performance.now() + warmUpMs; performance.now() < end; ) multiply(vectors);
  const best = { 2: Number.POSITIVE_INFINITY, 4: Number.POSITIVE_INFINITY };
  for (let round = 0; round < rounds; round++)
    for (const vectors of widths) {
      const start = performance.now();
      multiply(vectors);
      best[vectors] = Math.min(best[vectors], performance.now() - start);
    }
  return best[4] < best[2];
}
