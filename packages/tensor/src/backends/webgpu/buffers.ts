/**
 * The buffers of one shader: how each is bound, and how its elements are read and written. A device offers few storage bindings. If a
 * kernel has more buffers, some of them are copied into one staging buffer before the kernel and back after it.
 */
import { bytesOf, type DType } from '../../kernel/dtype.ts';
import { lookUp } from '../../kernel/nth.ts';
import { type CallFunction, elementsOf } from './elements.ts';

/** Every buffer starts at a multiple of this in a staging buffer, in bytes. */
const stagingAlignment = 16;

interface StagedBuffer {
  readonly buffer: number;
  readonly byteOffset: number;
  readonly bytes: number;
  readonly read: boolean;
  readonly written: boolean;
}

/** One binding of a shader: a buffer of the kernel, or a staging buffer with copies of several. */
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

/** The bytes of `length` elements, rounded up to whole words. */
const wordBytes = (dtype: DType, length: number): number => 4 * Math.max(1, Math.ceil((length * bytesOf(dtype)) / 4));

/** A buffer, and how the shader accesses it. */
interface BoundBuffer extends BufferUse {
  /** The shader's variable. */
  readonly variable: string;
  /** Where the buffer starts in that variable, in words. */
  readonly firstWord: number;
  /** The WGSL type of the elements if the variable is an array of them; null if it is an array of words. */
  readonly native: string | null;
  /** The number of these elements or words in each vector of the array; 1 if it is not an array of vectors. */
  readonly lanes: 1 | 2 | 4;
}

/** A storage variable of the shader. */
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly atomic: boolean;
  readonly writable: boolean;
}

/** Chooses the bindings of one shader, and generates the code that accesses them. */
export class ShaderBuffers {
  readonly bindings: readonly Binding[];
  /** The number of buffers that are copied to and from the staging buffer. */
  readonly stagedCount: number;
  readonly #bound = new Map<number, BoundBuffer>();
  readonly #variables: readonly Variable[];
  readonly #call: CallFunction;

  /**
   * If there are more buffers than the device binds, the smallest ones are staged. `vectors`: buffers to bind as arrays of vectors of four
   * elements, where possible. `wholeWords`: buffers that are only written four elements at a time, so that two invocations never write
   * parts of the same word.
   */
  constructor(
    uses: readonly BufferUse[],
    device: { readonly storageBuffers: number; readonly features: ReadonlySet<string> },
    call: CallFunction,
    vectors: readonly number[] = [],
    wholeWords: readonly number[] = [],
  ) {
    this.#call = call;
    const sharesWords = ({ buffer, dtype, written }: BufferUse): boolean =>
      written && elementsOf(dtype).perWord > 1 && !wholeWords.includes(buffer);
    const direct = [...uses];
    const staged: BufferUse[] = [];
    if (direct.length > device.storageBuffers) {
      direct.sort((x, y) => wordBytes(y.dtype, y.length) - wordBytes(x.dtype, x.length) || x.buffer - y.buffer);
      staged.push(...direct.splice(device.storageBuffers - 1));
    }
    this.stagedCount = staged.length;
    // WebGPU requires that all bindings of one GPUBuffer in a dispatch are read-only or all are writable, and the arena is one GPUBuffer.
    const arenaWritten = direct.some(({ inArena, written }) => inArena && written);
    const variables: Variable[] = [];
    const bindings: Binding[] = [];
    for (const use of direct) {
      const { native, perWord } = elementsOf(use.dtype);
      const type =
        native !== undefined && (native.feature === null || device.features.has(native.feature)) ? native.type : null;
      const name = `b${use.buffer}`;
      const atomic = type === null && sharesWords(use);
      const lanes =
        !vectors.includes(use.buffer) || atomic || perWord === 4 ? 1 : type === null && perWord === 2 ? 2 : 4;
      this.#bound.set(use.buffer, { ...use, variable: name, firstWord: 0, native: type, lanes });
      const element = type ?? 'u32';
      variables.push({
        name,
        type: lanes === 1 ? element : `vec${lanes}<${element}>`,
        atomic,
        writable: use.written || (use.inArena && arenaWritten),
      });
      bindings.push({ kind: 'buffer', buffer: use.buffer, written: use.written });
    }
    if (staged.length > 0) {
      let bytes = 0;
      const members = staged.map((use): StagedBuffer => {
        const { buffer, dtype, length, read, written } = use;
        const member = { buffer, byteOffset: bytes, bytes: wordBytes(dtype, length), read, written };
        this.#bound.set(buffer, { ...use, variable: 'staging', firstWord: bytes / 4, native: null, lanes: 1 });
        bytes += Math.ceil(member.bytes / stagingAlignment) * stagingAlignment;
        return member;
      });
      variables.push({ name: 'staging', type: 'u32', atomic: staged.some(sharesWords), writable: true });
      bindings.push({ kind: 'staging', bytes, members });
    }
    this.bindings = bindings;
    this.#variables = variables;
  }

  /** The `enable` directive if it is needed, and the declarations of the bindings, in group 0. */
  declarations(): string {
    const lines = this.#variables.map(({ name, type, atomic, writable }, binding) => {
      const element = atomic ? `atomic<${type}>` : type;
      return `@group(0) @binding(${binding}) var<storage, ${writable ? 'read_write' : 'read'}> ${name}: array<${element}>;`;
    });
    if (this.#variables.some(({ type }) => type.includes('f16'))) lines.unshift('enable f16;');
    return lines.join('\n');
  }

  #of(buffer: number): BoundBuffer {
    return lookUp(this.#bound, buffer);
  }

  #isAtomic({ variable }: BoundBuffer): boolean {
    return this.#variables.some(({ name, atomic }) => name === variable && atomic);
  }

  /** An expression for the element at `position` (an i32 expression), as a value in a register. */
  load(buffer: number, position: string): string {
    const bound = this.#of(buffer);
    const { native, dtype } = bound;
    const { perWord, decode, register } = elementsOf(dtype);
    if (native !== null) {
      const element = placeOf(bound, position);
      return native === register ? element : `${register}(${element})`;
    }
    const place = placeOf(bound, wordIndex(bound, position));
    const word = this.#isAtomic(bound) ? `atomicLoad(&${place})` : place;
    if (perWord === 1) return decode(word, this.#call);
    return decode(`((${word} >> ${shiftOf(perWord, position)}) & ${maskOf(perWord)})`, this.#call);
  }

  /** An expression for four neighboring elements, as a vector. `quad`: the first one's position divided by 4, an i32 expression. */
  loadVector(buffer: number, quad: string): string {
    const { variable, native, dtype, lanes } = this.#of(buffer);
    const { register, decode } = elementsOf(dtype);
    const vector = `vec4<${register}>`;
    if (native !== null && lanes === 4)
      return native === register ? `${variable}[${quad}]` : `${vector}(${variable}[${quad}])`;
    if (native === null && lanes === 2) {
      const halves = ['x', 'y'].flatMap((word) => [
        decode(`(${variable}[${quad}].${word} & 0xffffu)`, this.#call),
        decode(`(${variable}[${quad}].${word} >> 16u)`, this.#call),
      ]);
      return `${vector}(${halves.join(', ')})`;
    }
    return `${vector}(${[0, 1, 2, 3].map((k) => this.load(buffer, `(${quad}) * 4 + ${k}`)).join(', ')})`;
  }

  /** Statements that write the vector called `name` to four neighboring elements. `quad`: as for `loadVector`. */
  storeVector(buffer: number, quad: string, name: string): string {
    const bound = this.#of(buffer);
    const { variable, native, dtype, lanes, firstWord } = bound;
    const { register, encode, perWord } = elementsOf(dtype);
    const parts = ['x', 'y', 'z', 'w'].map((part) => `${name}.${part}`);
    if (native !== null && lanes === 4) {
      if (native === register) return `${variable}[${quad}] = ${name};`;
      const rounded = parts.map((part) => `${native}(${this.#call('round_f16', part)})`);
      return `${variable}[${quad}] = vec4<${native}>(${rounded.join(', ')});`;
    }
    if (native !== null || perWord === 1 || this.#isAtomic(bound))
      return parts.map((part, k) => this.store(buffer, `(${quad}) * 4 + ${k}`, part)).join(' ');
    const bits = parts.map((part, k) => {
      const shift = (k % perWord) * (32 / perWord);
      const own = encode(part, this.#call);
      return shift === 0 ? own : `(${own} << ${shift}u)`;
    });
    const words = Array.from({ length: 4 / perWord }, (_, word) =>
      bits.slice(word * perWord, (word + 1) * perWord).join(' | '),
    );
    if (lanes === 2) return `${variable}[${quad}] = vec2<u32>(${words.join(', ')});`;
    return words.map((word, k) => `${variable}[(${quad}) * ${words.length} + ${k + firstWord}] = ${word};`).join(' ');
  }

  /** Statements that write a value from a register. */
  store(buffer: number, position: string, value: string): string {
    const bound = this.#of(buffer);
    const { native, dtype } = bound;
    const { perWord, encode, register } = elementsOf(dtype);
    if (native !== null) {
      // Rounded by our own function first, because WGSL does not specify how the conversion rounds.
      const element = native === register ? value : `${native}(${this.#call('round_f16', value)})`;
      return `${placeOf(bound, position)} = ${element};`;
    }
    const place = placeOf(bound, wordIndex(bound, position));
    const bits = encode(value, this.#call);
    if (perWord === 1) return this.#isAtomic(bound) ? `atomicStore(&${place}, ${bits});` : `${place} = ${bits};`;
    // Two atomic steps, neither of which changes the neighbors' bits.
    const shift = shiftOf(perWord, position);
    return `atomicAnd(&${place}, ~(${maskOf(perWord)} << ${shift})); atomicOr(&${place}, ${bits} << ${shift});`;
  }
}

/** The place of an element (or word) in the variable: components of vectors can be read and written individually. */
const placeOf = ({ variable, lanes }: BoundBuffer, index: string): string =>
  lanes === 1 ? `${variable}[${index}]` : `${variable}[(${index}) >> ${Math.log2(lanes)}u][(${index}) & ${lanes - 1}]`;

function wordIndex({ firstWord, dtype }: BoundBuffer, position: string): string {
  const { perWord } = elementsOf(dtype);
  const index = perWord === 1 ? position : `((${position}) >> ${Math.log2(perWord)}u)`;
  return firstWord === 0 ? index : `${index} + ${firstWord}`;
}

const shiftOf = (perWord: number, position: string): string =>
  `(u32((${position}) & ${perWord - 1}) * ${32 / perWord}u)`;

const maskOf = (perWord: number): string => `${2 ** (32 / perWord) - 1}u`;
