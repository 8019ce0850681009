/** The flags of the engine while it compiles a module. */
import { expect, it } from 'vitest';
import { compileOptimized } from './engine.ts';
import { platform } from './this-platform.ts';

/** A valid module without content, and one that is not. */
const [valid, damaged] = [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), Uint8Array.of(1, 2, 3)];

/** The flags that are set when a module has been compiled or refused, and all that were set meanwhile. */
function flagsOf(boundsChecks: string | undefined, bytes: Uint8Array<ArrayBuffer>): { left: string[]; all: string[] } {
  const all: string[] = [];
  const env = (name: string): string | undefined => (name === 'TESSERA_BOUNDS_CHECKS' ? boundsChecks : undefined);
  try {
    compileOptimized({ ...platform, env, setEngineFlags: (...flags) => void all.push(...flags) }, bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(WebAssembly.CompileError);
  }
  const last = new Map(all.map((flag) => [flag.replace('--no-', '--'), flag]));
  return { left: [...last.values()], all };
}

it('leaves addresses checked unless the environment says otherwise', () => {
  for (const value of [undefined, '', '1'])
    expect(flagsOf(value, valid).all.filter((flag) => flag.includes('bounds'))).toEqual([]);
});

it.each([
  ['compiled', valid],
  ['refused', damaged],
])('restores the flags when a module has been %s', (_, bytes) => {
  const { left, all } = flagsOf('0', bytes);
  expect(all).toContain('--no-wasm-bounds-checks');
  expect(left).toEqual(['--liftoff', '--wasm-lazy-compilation', '--wasm-bounds-checks']);
});
