/** Collects the imports, functions, globals and exports of a WebAssembly module, and encodes them in the binary format. */
import { ByteWriter } from './bytes.ts';
import { type Callable, FunctionBuilder, type Global, type ValueType, valueTypeCodes } from './encoder.ts';
import { structuralOps } from './opcodes.ts';

const functionTypeCode = 0x60;

/** The numbers of the sections in the binary format. */
const sections = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;
const exportKinds = { function: 0, global: 3 } as const;
const importKinds = { function: 0, memory: 2 } as const;
/** Flags of a memory's limits: it has a largest size, and may be shared between threads. */
const withMaximum = 1;
const sharedWithMaximum = 3;

export class ModuleBuilder {
  readonly name: string;
  readonly #types: string[] = [];
  readonly #typeBytes: ByteWriter[] = [];
  readonly #imports: ByteWriter[] = [];
  readonly #importedNames: string[] = [];
  readonly #functions: { builder: FunctionBuilder; type: number }[] = [];
  readonly #globals: ByteWriter[] = [];
  readonly #exports: ByteWriter[] = [];
  readonly #helpers = new Map<string, FunctionBuilder>();

  constructor(name = 'module') {
    this.name = name;
  }

  /** Imports a memory, shared or not, numbered in the order of the calls; sizes in pages of 64 KiB. */
  importMemory(module: string, name: string, minimum: number, maximum: number, { shared = true } = {}): void {
    const entry = new ByteWriter().name(module).name(name);
    const limits = shared ? sharedWithMaximum : withMaximum;
    this.#imports.push(entry.byte(importKinds.memory).byte(limits).unsigned(minimum).unsigned(maximum));
  }

  /** Imports a function. All imports come before the first `function`. */
  importFunction(
    module: string,
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[] = [],
  ): Callable {
    if (this.#functions.length > 0)
      throw new Error(`import of ${name}: imports must be declared before the first function`);
    const entry = new ByteWriter().name(module).name(name);
    this.#imports.push(entry.byte(importKinds.function).unsigned(this.#typeIndex(params, results)));
    this.#importedNames.push(name);
    return { index: this.#importedNames.length - 1, name };
  }

  /** Adds a function. Its body may be written at any time before `build`, and calls to it may be written before that. */
  function<const Params extends readonly ValueType[]>(
    name: string,
    params: Params,
    results: readonly ValueType[] = [],
  ): FunctionBuilder<Params> {
    const index = this.#importedNames.length + this.#functions.length;
    const builder = new FunctionBuilder(index, name, params, results);
    this.#functions.push({ builder, type: this.#typeIndex(params, results) });
    return builder;
  }

  /** A function that exists once in the module for each key: `build` adds it when the key is first requested. */
  helper(key: string, build: () => FunctionBuilder): FunctionBuilder {
    const known = this.#helpers.get(key);
    if (known !== undefined) return known;
    const built = build();
    this.#helpers.set(key, built);
    return built;
  }

  /** A mutable global `i32`; each instance of the module has its own. */
  global(initial: number): Global {
    const entry = new ByteWriter().byte(valueTypeCodes.i32).byte(1).byte(structuralOps['i32.const']).signed(initial);
    this.#globals.push(entry.byte(structuralOps.end));
    return { index: this.#globals.length - 1, type: 'i32' };
  }

  exportFunction(name: string, target: Callable): void {
    this.#exports.push(new ByteWriter().name(name).byte(exportKinds.function).unsigned(target.index));
  }

  exportGlobal(name: string, global: Global): void {
    this.#exports.push(new ByteWriter().name(name).byte(exportKinds.global).unsigned(global.index));
  }

  get functions(): readonly FunctionBuilder[] {
    return this.#functions.map(({ builder }) => builder);
  }

  #typeIndex(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()} -> ${results.join()}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    const bytes = new ByteWriter().byte(functionTypeCode);
    for (const list of [params, results]) {
      bytes.unsigned(list.length);
      for (const type of list) bytes.byte(valueTypeCodes[type]);
    }
    this.#typeBytes.push(bytes);
    return this.#types.push(key) - 1;
  }

  /** The module in the binary format, with a name section for profilers. */
  build(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter().bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const section = (
      id: number,
      entries: readonly ByteWriter[],
      write: (out: ByteWriter, entry: ByteWriter) => void,
    ) => {
      if (entries.length === 0) return;
      const content = new ByteWriter().unsigned(entries.length);
      for (const entry of entries) write(content, entry);
      out.byte(id).sized(content);
    };
    const plain = (content: ByteWriter, entry: ByteWriter): unknown => content.bytes(entry.written());
    section(sections.type, this.#typeBytes, plain);
    section(sections.import, this.#imports, plain);
    section(
      sections.function,
      this.#functions.map(({ type }) => new ByteWriter().unsigned(type)),
      plain,
    );
    section(sections.global, this.#globals, plain);
    section(sections.export, this.#exports, plain);
    section(
      sections.code,
      this.#functions.map(({ builder }) => builder.encode()),
      (content, body) => content.sized(body),
    );
    out.byte(0).sized(this.#nameSection());
    return out.finish();
  }

  /** "Name section", appendix of the specification: the module's name (0) and the functions' names (1). */
  #nameSection(): ByteWriter {
    const names = [...this.#importedNames, ...this.#functions.map(({ builder }) => builder.name)];
    const functions = new ByteWriter().unsigned(names.length);
    for (const [index, name] of names.entries()) functions.unsigned(index).name(name);
    const content = new ByteWriter().name('name');
    content.byte(0).sized(new ByteWriter().name(this.name));
    return content.byte(1).sized(functions);
  }
}
