/** The flags of the engine while it compiles a module. */
import { expect, it } from 'vitest';
import { compileOptimized } from './engine.ts';
import { platform } from './this-platform.ts';

/** A valid module without content, and one that is not. */
const [valid, damaged] = [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), Uint8Array.of(1, 2, 3)];

/** The flags that are set when a module has been compiled or refused. */
function flagsAfter(bytes: Uint8Array<ArrayBuffer>): string[] {
  const all: string[] = [];
  try {
    compileOptimized({ ...platform, setEngineFlags: (...flags) => void all.push(...flags) }, bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(WebAssembly.CompileError);
  }
  const last = new Map(all.map((flag) => [flag.replace('--no-', '--'), flag]));
  return [...last.values()];
}

it.each([
  ['compiled', valid],
  ['refused', damaged],
])('restores the flags when a module has been %s', (_, bytes) => {
  expect(flagsAfter(bytes)).toEqual(['--liftoff', '--wasm-lazy-compilation']);
});
