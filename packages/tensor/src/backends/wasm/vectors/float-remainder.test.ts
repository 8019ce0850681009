import { expect, it } from 'vitest';
import { nth } from '../../../kernel/nth.ts';
import { ModuleBuilder } from '../emit/module-builder.ts';
import { floatRemainder } from './float-remainder.ts';
import { type FloatVector, VectorCode } from './vector-code.ts';

/** Each pair's remainder by generated code; lengths are multiples of a vector's. */
function remainders(type: FloatVector, a: Float32Array | Float64Array, b: Float32Array | Float64Array): number[] {
  const module = new ModuleBuilder('remainder');
  module.importMemory('env', 'memory', 64, 64);
  const fn = module.function('run', ['i32']);
  const [size] = fn.params;
  const code = new VectorCode(fn, { relaxedSimd: false, wideTiles: false });
  const address = fn.local('i32');
  fn.forLoop(address, 0, size, 16, () => {
    fn.get(address).mem('v128.load');
    const dividend = code.take();
    fn.get(address).get(size).op('i32.add').mem('v128.load');
    const rest = floatRemainder(code, type, dividend, code.take());
    fn.get(address).get(rest).mem('v128.store');
  });
  module.exportFunction('run', fn);
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  new Uint8Array(memory.buffer).set(new Uint8Array(a.buffer, 0, a.byteLength));
  new Uint8Array(memory.buffer).set(new Uint8Array(b.buffer, 0, b.byteLength), a.byteLength);
  (exports.run as (bytes: number) => void)(a.byteLength);
  return type === 'f32x4'
    ? [...new Float32Array(memory.buffer, 0, a.length)]
    : [...new Float64Array(memory.buffer, 0, a.length)];
}

const special = [0, -0, 1, -1, 2 ** -1074, 2 ** -149, 2 ** -126, 1.5, 3, 7e300, 3e38, Infinity, -Infinity, Number.NaN];

it.each([
  ['f32x4', Float32Array, Uint32Array],
  ['f64x2', Float64Array, BigUint64Array],
] as const)('%s remainders are those of JavaScript, to the bit', (type, Floats, Words) => {
  const seed = Date.now() >>> 0;
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  // Any bits: all exponents, NaNs, infinities and denormals.
  const any = (): number => {
    const words = new Words(1);
    words[0] = Words === Uint32Array ? (next() as never) : (((BigInt(next()) << 32n) | BigInt(next())) as never);
    return nth(new Floats(words.buffer), 0);
  };
  const near = (): number => Math.floor((next() / 2 ** 32) * 4000) / 2 - 500;
  const pairs = [
    ...special.flatMap((a) => special.map((b) => [a, b] as const)),
    ...Array.from({ length: 20_000 }, () => [any(), any()] as const),
    ...Array.from({ length: 20_000 }, () => [near(), near()] as const),
  ];
  const a = Floats.from(pairs.map((pair) => pair[0]));
  const b = Floats.from(pairs.map((pair) => pair[1]));
  const found = remainders(type, a, b);
  found.forEach((value, k) => {
    const [x, y] = [nth(a, k), nth(b, k)];
    expect(Object.is(value, x % y), `${x} % ${y} = ${value}, not ${x % y} (seed ${seed})`).toBe(true);
  });
});
