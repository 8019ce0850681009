/**
 * Which micro-kernel suits the machine. With 256-bit pairs, or with 32 vector registers, a tile of four vectors' width is twice as
 * fast as one of two; with 16 registers of 128 bits it does not fit, and is slower. A measurement of some milliseconds tells.
 */
import { ModuleBuilder } from './emit/encoder.ts';
import { emitMicroKernel, mainHeight, panelRows } from './products/micro.ts';
import { compileOptimized } from './threads/engine.ts';
import type { Platform } from './threads/platform.ts';

const depth = 256;
const rows = 3 * panelRows;
const rounds = 8;
/** So long V8 gets to notice by itself that the code is worth optimising, where that cannot be asked for. */
const warmUpMs = 30;

/** Whether tiles of 6 x 16 beat tiles of 6 x 8. */
export function probeWideTiles(platform: Platform, relaxedSimd: boolean): boolean {
  const module = new ModuleBuilder('probe');
  module.importMemory('env', 'memory', 1, 4);
  const widths = [2, 4];
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
  const best = widths.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++)
    widths.forEach((vectors, w) => {
      const start = performance.now();
      multiply(vectors);
      best[w] = Math.min(best[w], performance.now() - start);
    });
  return best[1] < best[0];
}
