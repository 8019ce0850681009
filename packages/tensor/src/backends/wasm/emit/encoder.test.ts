import { describe, expect, it } from 'vitest';
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, ValueType } from './encoder.ts';
import { ModuleBuilder } from './module-builder.ts';
import { type LaneOp, laneOps, memoryLaneOps, memoryOps, type PlainOp, plainOps } from './opcodes.ts';
import { toText } from './text.ts';

type Numeric = (...args: number[]) => number;

function build(write: (module: ModuleBuilder) => FunctionBuilder): { call: Numeric; memory: WebAssembly.Memory } {
  const module = new ModuleBuilder('test');
  module.importMemory('env', 'memory', 1, 4);
  module.exportFunction('main', write(module));
  const bytes = module.build();
  expect(WebAssembly.validate(bytes), toText(module)).toBe(true);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return { call: instance.exports.main as Numeric, memory };
}

/** The operand types and the result type of an instruction, derived from its name. */
function signature(name: PlainOp): { takes: ValueType[]; result: ValueType } {
  const [shape, op] = name.split('.') as [string, string];
  const vector = shape.includes('x') || shape === 'v128';
  const self = (vector ? 'v128' : shape) as ValueType;
  if (vector) {
    const lane = shape.startsWith('f32') ? 'f32' : shape.startsWith('f64') ? 'f64' : shape === 'i64x2' ? 'i64' : 'i32';
    if (op === 'splat') return { takes: [lane], result: 'v128' };
    if (['any_true', 'all_true', 'bitmask'].includes(op)) return { takes: ['v128'], result: 'i32' };
    if (/^sh[lr]/.test(op)) return { takes: ['v128', 'i32'], result: 'v128' };
    if (/madd|laneselect|bitselect/.test(op)) return { takes: ['v128', 'v128', 'v128'], result: 'v128' };
    const single =
      /^(not|abs|neg|popcnt|sqrt|ceil|floor|trunc$|nearest|extend|trunc_|relaxed_trunc|convert|demote|promote)/;
    return { takes: single.test(op) ? ['v128'] : ['v128', 'v128'], result: 'v128' };
  }
  const from = /_(i32|i64|f32|f64)/.exec(op)?.[1];
  if (from !== undefined) return { takes: [from as ValueType], result: self };
  if (op === 'eqz') return { takes: [self], result: 'i32' };
  if (/^(eq|ne|lt|gt|le|ge)(_[su])?$/.test(op)) return { takes: [self, self], result: 'i32' };
  const single = /^(clz|ctz|popcnt|abs|neg|ceil|floor|trunc|nearest|sqrt|extend)/;
  return { takes: single.test(op) ? [self] : [self, self], result: self };
}

describe('instructions', () => {
  it.each(Object.keys(plainOps) as PlainOp[])('%s has the type that its name implies', (name) => {
    const { takes, result } = signature(name);
    const module = new ModuleBuilder();
    const fn = module.function('f', takes, [result]);
    for (const param of fn.params) fn.get(param);
    fn.op(name);
    expect(WebAssembly.validate(module.build())).toBe(true);
    expect(toText(module)).toContain(`  ${name}`);
  });

  it.each(Object.keys(memoryOps) as (keyof typeof memoryOps)[])('%s accesses memory', (name) => {
    const type: ValueType = name.startsWith('memory') ? 'i32' : (name.split('.')[0] as ValueType);
    const stores = /store/.test(name);
    const operands: Record<string, ValueType[]> = {
      'memory.atomic.wait32': ['i32', 'i32', 'i64'],
      'memory.atomic.notify': ['i32', 'i32'],
      'i32.atomic.rmw.cmpxchg': ['i32', 'i32', 'i32'],
    };
    const takes = operands[name] ?? (stores || name.includes('rmw') ? (['i32', type] as const) : (['i32'] as const));
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', 1, 2);
    const fn = module.function('f', takes, stores ? [] : [type]);
    for (const param of fn.params) fn.get(param);
    fn.mem(name, 72);
    expect(WebAssembly.validate(module.build())).toBe(true);
    expect(toText(module)).toContain(`${name} offset=72`);
    // The default alignment is the natural one: twice that is invalid.
    const bad = new ModuleBuilder();
    bad.importMemory('env', 'memory', 1, 2);
    const wrong = bad.function('f', takes, stores ? [] : [type]);
    for (const param of wrong.params) wrong.get(param);
    wrong.mem(name, 0, memoryOps[name][1] * 2);
    expect(WebAssembly.validate(bad.build())).toBe(false);
  });

  it.each(Object.keys(laneOps) as LaneOp[])('%s takes a lane', (name) => {
    const shape = nth(name.split('.'), 0);
    const lane: ValueType = shape.startsWith('f')
      ? (shape.slice(0, 3) as ValueType)
      : shape === 'i64x2'
        ? 'i64'
        : 'i32';
    const replaces = name.includes('replace');
    const module = new ModuleBuilder();
    const fn = module.function('f', replaces ? ['v128', lane] : ['v128'], [replaces ? 'v128' : lane]);
    for (const param of fn.params) fn.get(param);
    fn.lane(name, 1);
    expect(WebAssembly.validate(module.build())).toBe(true);
    expect(toText(module)).toContain(`${name} 1`);
  });

  it.each(Object.keys(memoryLaneOps) as (keyof typeof memoryLaneOps)[])('%s accesses a lane', (name) => {
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', 1, 2);
    const fn = module.function('f', ['i32', 'v128'], name.includes('load') ? ['v128'] : []);
    for (const param of fn.params) fn.get(param);
    fn.memLane(name, 1, 8);
    expect(WebAssembly.validate(module.build())).toBe(true);
  });
});

describe('functions', () => {
  it('adds numbers in a loop whose bounds are locals', () => {
    const { call } = build((module) => {
      const fn = module.function('sum', ['i32', 'i32'], ['i32']);
      const [start, end] = fn.params;
      const i = fn.local('i32');
      const total = fn.local('i32');
      fn.forLoop(i, start, end, 3, () => fn.increment(total, i));
      return fn.get(total);
    });
    expect(call(1, 11)).toBe(1 + 4 + 7 + 10);
    expect(call(5, 5)).toBe(0);
    expect(call(-2, 2)).toBe(-2 + 1);
  });

  it('writes no code for a loop that is known to be empty', () => {
    const fn = new ModuleBuilder().function('f', []);
    fn.forLoop(fn.local('i32'), 4, 4, 1, () => fn.unreachable());
    expect(fn.code().length).toBeLessThan(8);
  });

  it('branches out of nested structures', () => {
    const { call } = build((module) => {
      const fn = module.function('search', ['i32'], ['i32']);
      const [wanted] = fn.params;
      const i = fn.local('i32');
      fn.block((found) => {
        fn.loop((again) => {
          fn.get(i).get(i).op('i32.mul').get(wanted).op('i32.ge_s').brIf(found);
          fn.get(i)
            .i32(1000)
            .op('i32.eq')
            .if(
              () => fn.i32(-1).return(),
              () => fn.increment(i, 1),
            );
          fn.br(again);
        });
      });
      return fn.get(i);
    });
    expect(call(50)).toBe(8);
    expect(call(2 ** 30)).toBe(-1);
  });

  it('calls functions that are written later, and imports', () => {
    const module = new ModuleBuilder();
    const imported = module.importFunction('env', 'triple', ['i32'], ['i32']);
    const main = module.function('main', ['i32'], ['i32']);
    const addOne = module.function('addOne', ['i32'], ['i32']);
    main.get(main.params[0]).call(imported).call(addOne);
    addOne.get(addOne.params[0]).i32(1).op('i32.add');
    module.exportFunction('main', main);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
      env: { triple: (x: number) => 3 * x },
    });
    expect((instance.exports.main as Numeric)(5)).toBe(16);
    expect(() => module.importFunction('env', 'late', [])).toThrow(/before the first function/);
  });

  it('encodes constants of every type', () => {
    const integers = [
      0,
      1,
      -1,
      63,
      64,
      -64,
      -65,
      127,
      128,
      8191,
      8192,
      2 ** 31 - 1,
      -(2 ** 31),
      0x80000000,
      0xffffffff,
    ];
    for (const value of integers) {
      const { call } = build((module) => module.function('f', [], ['i32']).i32(value));
      expect(call()).toBe(value | 0);
      const wide = build((module) => module.function('f', [], ['f64']).i64(BigInt(value)).op('f64.convert_i64_s'));
      expect(wide.call()).toBe(value);
    }
    for (const value of [0, -0, 1.5, -3.25e-30, Infinity, -Infinity, NaN, 1e300]) {
      expect(build((module) => module.function('f', [], ['f64']).f64(value)).call()).toBe(value);
      expect(build((module) => module.function('f', [], ['f32']).f32(value)).call()).toBe(Math.fround(value));
    }
  });

  it('builds vectors, shuffles and stores them', () => {
    const { call, memory } = build((module) => {
      const fn = module.function('f', []);
      fn.i32(0).i32x4(1, 2, 3, -4).mem('v128.store');
      fn.i32(16).f32x4(1.5).mem('v128.store');
      fn.i32(32).f64x2(1, 2).f64x2(3, 4).shuffle64([1, 2]).mem('v128.store');
      return fn.i32(48).i32x4(0, 1, 2, 3).i32x4(4, 5, 6, 7).shuffle32([7, 0, 5, 2]).mem('v128.store');
    });
    call();
    expect([...new Int32Array(memory.buffer, 0, 4)]).toEqual([1, 2, 3, -4]);
    expect([...new Float32Array(memory.buffer, 16, 4)]).toEqual([1.5, 1.5, 1.5, 1.5]);
    expect([...new Float64Array(memory.buffer, 32, 2)]).toEqual([2, 3]);
    expect([...new Int32Array(memory.buffer, 48, 4)]).toEqual([7, 0, 5, 2]);
  });

  it('reuses released locals, keeps globals, fills and copies memory', () => {
    const { call, memory } = build((module) => {
      const counter = module.global(40);
      const fn = module.function('f', [], ['i32']);
      const first = fn.local('v128');
      fn.release(first);
      expect(fn.local('v128')).toBe(first);
      expect(fn.local('v128')).not.toBe(first);
      fn.i32(8).i32(7).i32(4).memoryFill().i32(20).i32(6).i32(8).memoryCopy().fence();
      return fn.getGlobal(counter).i32(2).op('i32.add').setGlobal(counter).getGlobal(counter);
    });
    expect(call()).toBe(42);
    expect(call()).toBe(44);
    expect([...new Uint8Array(memory.buffer, 20, 8)]).toEqual([0, 0, 7, 7, 7, 7, 0, 0]);
  });

  it('refuses negative offsets', () => {
    expect(() => new ModuleBuilder().function('f', []).mem('i32.load', -4)).toThrow(/offset -4/);
  });

  it('prints nested code with indentation and names', () => {
    const module = new ModuleBuilder();
    const callee = module.function('callee', []);
    const fn = module.function('f', ['i32']);
    fn.get(fn.params[0]).if(
      () => fn.call(callee),
      () => fn.i32(3).drop(),
    );
    expect(toText(module)).toBe(
      '(func $callee\n)\n(func $f (param 0 i32)\n  local.get 0\n  if\n    call $callee\n  else\n    i32.const 3\n    drop\n  end)',
    );
  });
});
