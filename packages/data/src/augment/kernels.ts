/** The generated WebAssembly code of this package, with a memory of its own in each thread. */
import { ModuleBuilder } from '@tessera/tensor/wasm';
import { addResampling, type Resampling } from './resample-code.ts';

const pageBytes = 65_536;
/** The largest memory of 32-bit addresses. */
const mostPages = 65_536;

type Kernels = Resampling;

/** An instance of the code. Its memory holds nothing between calls. */
class KernelInstance {
  readonly run: Kernels;
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor() {
    const module = new ModuleBuilder('image');
    // Pages of a browser that are not isolated have no shared memory.
    module.importMemory('env', 'memory', 1, mostPages, { shared: false });
    addResampling(module);
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum: mostPages });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
      env: { memory: this.#memory },
    });
    this.run = instance.exports as unknown as Kernels;
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }

  /** The memory, of at least `length` bytes. The view is valid until the next call. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const missing = Math.ceil((length - this.#bytes.length) / pageBytes);
    if (missing > 0) {
      this.#memory.grow(missing);
      this.#bytes = new Uint8Array(this.#memory.buffer);
    }
    return this.#bytes;
  }
}

let instance: KernelInstance | undefined;

/** The instance of this thread. */
export function kernels(): KernelInstance {
  instance ??= new KernelInstance();
  return instance;
}
