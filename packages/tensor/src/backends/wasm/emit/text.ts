/** Prints WebAssembly code as text, for people who read generated code. */
import { type FunctionBuilder, numberedMemory } from './encoder.ts';
import type { ModuleBuilder } from './module-builder.ts';
import { laneOps, memoryLaneOps, memoryOps, plainOps, structuralOps } from './opcodes.ts';

type Immediates = 'none' | 'memory' | 'lane' | 'memoryLane' | keyof typeof structuralOps;

const decoding = new Map<number, { name: string; immediates: Immediates }>();
for (const [name, code] of Object.entries(plainOps)) decoding.set(code, { name, immediates: 'none' });
for (const [name, [code]] of Object.entries(memoryOps)) decoding.set(code, { name, immediates: 'memory' });
for (const [name, code] of Object.entries(laneOps)) decoding.set(code, { name, immediates: 'lane' });
for (const [name, [code]] of Object.entries(memoryLaneOps)) decoding.set(code, { name, immediates: 'memoryLane' });
for (const [name, code] of Object.entries(structuralOps))
  decoding.set(code, { name, immediates: name as keyof typeof structuralOps });

class Reader {
  readonly #view: DataView;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get done(): boolean {
    return this.position >= this.#view.byteLength;
  }

  byte(): number {
    return this.#view.getUint8(this.position++);
  }

  signed(): bigint {
    let result = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.byte();
      result |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return BigInt.asIntN(Number(shift), result);
    }
  }

  unsigned(): number {
    let result = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      result += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return result;
    }
  }

  float32(): number {
    this.position += 4;
    return this.#view.getFloat32(this.position - 4, true);
  }

  float64(): number {
    this.position += 8;
    return this.#view.getFloat64(this.position - 8, true);
  }

  bytes(count: number): number[] {
    return Array.from({ length: count }, () => this.byte());
  }
}

function readImmediates(reader: Reader, kind: Immediates, nameOfFunction: (index: number) => string): string {
  const memory = (): string => {
    const flags = reader.unsigned();
    const number = (flags & numberedMemory) === 0 ? 0 : reader.unsigned();
    const offset = reader.unsigned();
    const parts = [number === 0 ? '' : ` ${number}`, offset === 0 ? '' : ` offset=${offset}`];
    return `${parts.join('')} align=${2 ** (flags & ~numberedMemory)}`;
  };
  switch (kind) {
    case 'memory':
      return memory();
    case 'lane':
      return ` ${reader.byte()}`;
    case 'memoryLane':
      return `${memory()} ${reader.byte()}`;
    case 'i32.const':
    case 'i64.const':
      return ` ${reader.signed()}`;
    case 'f32.const':
      return ` ${reader.float32()}`;
    case 'f64.const':
      return ` ${reader.float64()}`;
    case 'v128.const':
      return ` i32x4 ${Array.from({ length: 4 }, () => `0x${new DataView(Uint8Array.from(reader.bytes(4)).buffer).getUint32(0, true).toString(16)}`).join(' ')}`;
    case 'i8x16.shuffle':
      return ` ${reader.bytes(16).join(' ')}`;
    case 'local.get':
    case 'local.set':
    case 'local.tee':
    case 'global.get':
    case 'global.set':
    case 'br':
    case 'br_if':
      return ` ${reader.unsigned()}`;
    case 'call':
      return ` $${nameOfFunction(reader.unsigned())}`;
    case 'block':
    case 'loop':
    case 'if': {
      const type = reader.byte();
      const names: Record<number, string> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64', 123: 'v128' };
      return type === 0x40 ? '' : ` (result ${names[type]})`;
    }
    case 'memory.copy':
      reader.bytes(2);
      return '';
    case 'memory.fill':
    case 'atomic.fence':
      reader.byte();
      return '';
    case 'none':
    case 'unreachable':
    case 'else':
    case 'end':
    case 'return':
    case 'drop':
    case 'select':
      return '';
    default:
      return kind satisfies never;
  }
}

/** One function, with one instruction on each line, indented by nesting. */
function functionToText(fn: FunctionBuilder, nameOfFunction: (index: number) => string): string {
  const reader = new Reader(fn.code());
  const lines: string[] = [];
  let depth = 1;
  while (!reader.done) {
    const first = reader.byte();
    const code = first >= 0xfc ? (first << 16) | reader.unsigned() : first;
    const entry = decoding.get(code);
    if (entry === undefined) throw new Error(`${fn.name}: unknown instruction 0x${code.toString(16)}`);
    const { name, immediates } = entry;
    if (name === 'end' || name === 'else') depth--;
    lines.push(`${'  '.repeat(depth)}${name}${readImmediates(reader, immediates, nameOfFunction)}`);
    if (name === 'block' || name === 'loop' || name === 'if' || name === 'else') depth++;
  }
  const params = fn.params.map(({ index, type }) => ` (param ${index} ${type})`).join('');
  const results = fn.results.map((type) => ` (result ${type})`).join('');
  const locals = fn.localTypes.length === 0 ? '' : `\n  (local ${fn.localTypes.join(' ')})`;
  return `(func $${fn.name}${params}${results}${locals}\n${lines.join('\n')})`;
}

/** Every function of a module, with the size of its code. */
export function functionTexts(module: ModuleBuilder): { name: string; text: string; bytes: number }[] {
  const names = new Map(module.functions.map((fn) => [fn.index, fn.name]));
  const nameOf = (index: number): string => names.get(index) ?? `import${index}`;
  return module.functions.map((fn) => ({
    name: fn.name,
    text: functionToText(fn, nameOf),
    bytes: fn.code().length,
  }));
}

/** A module as one text. */
export const toText = (module: ModuleBuilder): string =>
  functionTexts(module)
    .map(({ text }) => text)
    .join('\n');
