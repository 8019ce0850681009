/** The operations of the pickle format that build data. */
import type { ByteReader } from './byte-reader.ts';
import { expect, expectText, type Machine } from './machine.ts';
import { Global, InertObject, type PickleValue, Tuple } from './values.ts';

/** The classes and functions that a pickle may refer to, and the data that replaces them. */
export interface PickleRules {
  /** The class or function with this name. @throws if it is not allowed */
  global(name: string): Global;
  /** The result of calling it. @throws if it cannot be called with these arguments */
  call(callee: Global, args: readonly PickleValue[]): PickleValue;
  /** Resolves a reference to numbers outside of the pickle. */
  persistent(id: PickleValue): PickleValue;
  /** Whether strings of Python 2 are bytes, as with `encoding='bytes'` of `pickle.load`. Default: they are ASCII texts. */
  readonly bytesOfStrings?: boolean;
}

interface Opcode {
  readonly name: string;
  run(machine: Machine, input: ByteReader, rules: PickleRules): void;
}

/** In bytes. A file of numbers needs no longer integers. */
const longestInteger = 32;
const newestProtocol = 5;
export const stopCode = 0x2e;

const define = (name: string, run: Opcode['run']): Opcode => ({ name, run });

const constant = (name: string, make: () => PickleValue): Opcode => define(name, (machine) => machine.push(make()));

const read = (name: string, take: (input: ByteReader) => PickleValue): Opcode =>
  define(name, (machine, input) => machine.push(take(input)));

/** A string of Python 2. */
const oldString = (name: string, length: (input: ByteReader) => number): Opcode =>
  define(name, (machine, input, { bytesOfStrings = false }) => {
    const size = length(input);
    machine.push(bytesOfStrings ? input.bytes(size) : input.text(size));
  });

const tuple = (size: number): Opcode =>
  define(`TUPLE${size}`, (machine) => {
    const items = Array.from({ length: size }, () => machine.pop());
    machine.push(new Tuple(items.reverse()));
  });

function integer(input: ByteReader, length: number): number | bigint {
  if (length > longestInteger) throw new Error(`has an integer of ${length} bytes; at most ${longestInteger} are read`);
  return input.integer(length);
}

function setItems(target: PickleValue, items: readonly PickleValue[]): void {
  const dict = expect(target, Map, 'a dict') as Map<PickleValue, PickleValue>;
  for (let k = 0; k < items.length; k += 2) {
    const [key, value] = items.slice(k, k + 2);
    if (key === undefined || value === undefined) throw new Error('needs pairs of key and value');
    dict.set(key, value);
  }
}

function append(target: PickleValue, items: readonly PickleValue[]): void {
  const list = expect(target, Array, 'a list') as PickleValue[];
  for (const item of items) list.push(item);
}

/**
 * The operations of pickle protocols 2 to 5 that build data. Left out are operations that create instances by calling a class that was
 * looked up by name (INST, OBJ, EXT), out-of-band buffers, and the text forms of protocols 0 and 1.
 * https://docs.python.org/3/library/pickletools.html
 */
export const opcodes: ReadonlyMap<number, Opcode> = new Map([
  [
    0x80,
    define('PROTO', (_, input) => {
      const protocol = input.u8();
      if (protocol < 2 || protocol > newestProtocol)
        throw new Error(`has protocol ${protocol}; protocols 2 to ${newestProtocol} can be read`);
    }),
  ],
  [0x95, define('FRAME', (_, input) => void input.u64())],

  [0x4e, constant('NONE', () => null)],
  [0x88, constant('NEWTRUE', () => true)],
  [0x89, constant('NEWFALSE', () => false)],
  [0x5d, constant('EMPTY_LIST', () => [])],
  [0x29, constant('EMPTY_TUPLE', () => new Tuple([]))],
  [0x7d, constant('EMPTY_DICT', () => new Map())],
  [0x8f, constant('EMPTY_SET', () => new Set())],

  [0x4a, read('BININT', (input) => input.i32())],
  [0x4b, read('BININT1', (input) => input.u8())],
  [0x4d, read('BININT2', (input) => input.u16())],
  [0x8a, read('LONG1', (input) => integer(input, input.u8()))],
  [0x8b, read('LONG4', (input) => integer(input, input.u32()))],
  [0x47, read('BINFLOAT', (input) => input.f64())],
  [0x58, read('BINUNICODE', (input) => input.text(input.u32()))],
  [0x8c, read('SHORT_BINUNICODE', (input) => input.text(input.u8()))],
  [0x8d, read('BINUNICODE8', (input) => input.text(input.u64()))],
  [0x54, oldString('BINSTRING', (input) => input.u32())],
  [0x55, oldString('SHORT_BINSTRING', (input) => input.u8())],
  [0x42, read('BINBYTES', (input) => input.bytes(input.u32()))],
  [0x43, read('SHORT_BINBYTES', (input) => input.bytes(input.u8()))],
  [0x8e, read('BINBYTES8', (input) => input.bytes(input.u64()))],
  [0x96, read('BYTEARRAY8', (input) => input.bytes(input.u64()))],

  [0x28, define('MARK', (machine) => machine.mark())],
  [0x30, define('POP', (machine) => void machine.pop())],
  [0x31, define('POP_MARK', (machine) => void machine.popMark())],
  [0x32, define('DUP', (machine) => machine.push(machine.top()))],

  [0x85, tuple(1)],
  [0x86, tuple(2)],
  [0x87, tuple(3)],
  [0x74, define('TUPLE', (machine) => machine.push(new Tuple(machine.popMark())))],
  [0x6c, define('LIST', (machine) => machine.push(machine.popMark()))],
  [
    0x64,
    define('DICT', (machine) => {
      const items = machine.popMark();
      machine.push(new Map());
      setItems(machine.top(), items);
    }),
  ],
  [0x91, define('FROZENSET', (machine) => machine.push(new Set(machine.popMark())))],
  [
    0x61,
    define('APPEND', (machine) => {
      const item = machine.pop();
      append(machine.top(), [item]);
    }),
  ],
  [
    0x65,
    define('APPENDS', (machine) => {
      const items = machine.popMark();
      append(machine.top(), items);
    }),
  ],
  [
    0x73,
    define('SETITEM', (machine) => {
      const value = machine.pop();
      const key = machine.pop();
      setItems(machine.top(), [key, value]);
    }),
  ],
  [
    0x75,
    define('SETITEMS', (machine) => {
      const items = machine.popMark();
      setItems(machine.top(), items);
    }),
  ],
  [
    0x90,
    define('ADDITEMS', (machine) => {
      const items = machine.popMark();
      const set = expect(machine.top(), Set, 'a set') as Set<PickleValue>;
      for (const item of items) set.add(item);
    }),
  ],

  [0x71, define('BINPUT', (machine, input) => machine.remember(input.u8()))],
  [0x72, define('LONG_BINPUT', (machine, input) => machine.remember(input.u32()))],
  [0x94, define('MEMOIZE', (machine) => machine.rememberNext())],
  [0x68, define('BINGET', (machine, input) => machine.recall(input.u8()))],
  [0x6a, define('LONG_BINGET', (machine, input) => machine.recall(input.u32()))],

  [
    0x63,
    define('GLOBAL', (machine, input, rules) => {
      const module = input.line();
      machine.push(rules.global(`${module}.${input.line()}`));
    }),
  ],
  [
    0x93,
    define('STACK_GLOBAL', (machine, _, rules) => {
      const name = expectText(machine.pop());
      machine.push(rules.global(`${expectText(machine.pop())}.${name}`));
    }),
  ],
  [
    0x52,
    define('REDUCE', (machine, _, rules) => {
      const { items } = expect(machine.pop(), Tuple, 'a tuple of arguments');
      machine.push(rules.call(expect(machine.pop(), Global, 'a class or function to call'), items));
    }),
  ],
  [
    0x81,
    define('NEWOBJ', (machine, _, rules) => {
      const { items } = expect(machine.pop(), Tuple, 'a tuple of arguments');
      machine.push(rules.call(expect(machine.pop(), Global, 'a class'), items));
    }),
  ],
  [
    0x62,
    define('BUILD', (machine) => {
      const state = machine.pop();
      const target = machine.top();
      // The attributes of an OrderedDict (such as `_metadata` of a state_dict) do not matter for its tensors.
      if (target instanceof Map) return;
      expect(target, InertObject, 'an instance with attributes').state = state;
    }),
  ],
  [0x51, define('BINPERSID', (machine, _, rules) => machine.push(rules.persistent(machine.pop())))],
]);
