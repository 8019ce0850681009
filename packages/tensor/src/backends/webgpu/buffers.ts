/**
 * The buffers of one shader: how each is bound, and how its elements are read and written. A device offers few storage bindings; a
 * kernel with more buffers finds some of them in one staging buffer, to and from which they are copied around the kernel.
 */
import { bytesOf, type DType } from '../../dtype.ts';

/** How elements lie in a binding. */
type Layout =
  /** One element a word of the binding's own type. */
  | 'word'
  /** Four a word. */
  | 'byte';

interface Storage {
  readonly layout: Layout;
  /** WGSL's type of a value in a register. */
  readonly type: 'f32' | 'i32';
}

const storages: Readonly<Partial<Record<DType, Storage>>> = {
  f32: { layout: 'word', type: 'f32' },
  i32: { layout: 'word', type: 'i32' },
  u8: { layout: 'byte', type: 'i32' },
  bool: { layout: 'byte', type: 'i32' },
};

/** Throws for a dtype that shaders do not have. */
export function storageOf(dtype: DType): Storage {
  const storage = storages[dtype];
  if (storage === undefined)
    throw new TypeError(
      `webgpu: WGSL has no ${dtype}; cast to f32, or compute on another backend (tensor(values, { backend: getBackend('wasm') }))`,
    );
  return storage;
}

/** WGSL's type of a value in a register. */
export const registerType = (dtype: DType): 'f32' | 'i32' => storageOf(dtype).type;

/** Each buffer must start at a multiple of this in a staging buffer, in words. */
const stagingWords = 4;

export interface StagedBuffer {
  readonly buffer: number;
  readonly byteOffset: number;
  readonly bytes: number;
  readonly read: boolean;
  readonly written: boolean;
}

/** What is bound at one binding, in order: a buffer of the kernel, or a staging buffer with copies of several. */
export type Binding =
  | { readonly kind: 'buffer'; readonly buffer: number; readonly written: boolean }
  | { readonly kind: 'staging'; readonly bytes: number; readonly members: readonly StagedBuffer[] };

export interface BufferUse {
  readonly buffer: number;
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
  readonly inArena: boolean;
  readonly read: boolean;
  readonly written: boolean;
}

export const wordsOf = (dtype: DType, length: number): number => Math.max(1, Math.ceil((length * bytesOf(dtype)) / 4));

export class ShaderBuffers {
  readonly bindings: readonly Binding[];
  readonly #uses = new Map<number, BufferUse>();
  /** Within one dispatch a GPUBuffer is either only read, or bound as writable wherever it is bound. */
  readonly #arenaWritten: boolean;
  readonly #staged = new Map<number, StagedBuffer>();

  /** `bindable`: how many storage buffers a shader may have. The smallest buffers are staged where there are more. */
  constructor(uses: readonly BufferUse[], bindable: number) {
    for (const use of uses) this.#uses.set(use.buffer, use);
    this.#arenaWritten = uses.some(({ inArena, written }) => inArena && written);
    const direct = [...uses];
    const staged: BufferUse[] = [];
    if (direct.length > bindable) {
      direct.sort((x, y) => wordsOf(y.dtype, y.length) - wordsOf(x.dtype, x.length) || x.buffer - y.buffer);
      staged.push(...direct.splice(bindable - 1));
    }
    const bindings: Binding[] = direct.map(({ buffer, written }) => ({ kind: 'buffer', buffer, written }));
    if (staged.length > 0) {
      let byteOffset = 0;
      const members = staged.map(({ buffer, dtype, length, read, written }): StagedBuffer => {
        const bytes = wordsOf(dtype, length) * 4;
        const member = { buffer, byteOffset, bytes, read, written };
        byteOffset += Math.ceil(bytes / (4 * stagingWords)) * 4 * stagingWords;
        this.#staged.set(buffer, member);
        return member;
      });
      bindings.push({ kind: 'staging', bytes: byteOffset, members });
    }
    this.bindings = bindings;
  }

  /** How many buffers are copied to and from a staging buffer. */
  get stagedCount(): number {
    return this.#staged.size;
  }

  #use(buffer: number): BufferUse {
    return this.#uses.get(buffer) as BufferUse;
  }

  /** Elements of written bytes share words with what other invocations write. */
  #atomic(use: BufferUse): boolean {
    return use.written && storageOf(use.dtype).layout === 'byte';
  }

  /** The bindings' declarations, in group 0. */
  declarations(): string {
    return this.bindings
      .map((binding, index) => {
        const place = `@group(0) @binding(${index})`;
        if (binding.kind === 'staging') {
          const atomic = binding.members.some(({ buffer }) => this.#atomic(this.#use(buffer)));
          return `${place} var<storage, read_write> staging: array<${atomic ? 'atomic<u32>' : 'u32'}>;`;
        }
        const { dtype, buffer, inArena } = this.#use(binding.buffer);
        const writable = binding.written || (inArena && this.#arenaWritten);
        const { layout, type } = storageOf(dtype);
        const element = layout === 'word' ? type : this.#atomic(this.#use(buffer)) ? 'atomic<u32>' : 'u32';
        return `${place} var<storage, ${writable ? 'read_write' : 'read'}> b${buffer}: array<${element}>;`;
      })
      .join('\n');
  }

  /** The word at `index` of a buffer's binding, as bits, unless the binding has the buffer's own type. */
  #word(buffer: number, index: string): { text: string; typed: boolean } {
    const staged = this.#staged.get(buffer);
    if (staged === undefined) {
      const use = this.#use(buffer);
      const place = `b${buffer}[${index}]`;
      return this.#atomic(use)
        ? { text: `atomicLoad(&${place})`, typed: false }
        : { text: place, typed: storageOf(use.dtype).layout === 'word' };
    }
    const place = this.#stagedWord(staged, index);
    return { text: this.#stagingAtomic() ? `atomicLoad(&${place})` : place, typed: false };
  }

  #stagedWord({ byteOffset }: StagedBuffer, index: string): string {
    return byteOffset === 0 ? `staging[${index}]` : `staging[${index} + ${byteOffset / 4}]`;
  }

  #stagingAtomic(): boolean {
    return [...this.#staged.keys()].some((buffer) => this.#atomic(this.#use(buffer)));
  }

  /** The element at `position`, an i32 expression, as a value in a register. */
  load(buffer: number, position: string): string {
    const { dtype } = this.#use(buffer);
    const { layout, type } = storageOf(dtype);
    if (layout === 'word') {
      const word = this.#word(buffer, position);
      return word.typed ? word.text : `bitcast<${type}>(${word.text})`;
    }
    const word = this.#word(buffer, `(${position}) >> 2u`);
    return `i32((${word.text} >> (u32((${position}) & 3) * 8u)) & 255u)`;
  }

  /** A statement that writes a value from a register. */
  store(buffer: number, position: string, value: string): string {
    const { dtype } = this.#use(buffer);
    const staged = this.#staged.get(buffer);
    const at = (index: string): string =>
      staged === undefined ? `b${buffer}[${index}]` : this.#stagedWord(staged, index);
    if (storageOf(dtype).layout === 'word') {
      if (staged === undefined) return `${at(position)} = ${value};`;
      const bits = `bitcast<u32>(${value})`;
      return this.#stagingAtomic() ? `atomicStore(&${at(position)}, ${bits});` : `${at(position)} = ${bits};`;
    }
    const word = at(`(${position}) >> 2u`);
    const shift = `(u32((${position}) & 3) * 8u)`;
    // Two steps, each of which leaves the neighbours' bits alone.
    return `atomicAnd(&${word}, ~(255u << ${shift})); atomicOr(&${word}, (u32(${value}) & 255u) << ${shift});`;
  }
}
