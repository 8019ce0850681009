import type { Allocation } from '../../backend.ts';

/** Memory of the host: gpu.js takes arrays and gives arrays, wherever it computes. */
export class Block implements Allocation {
  readonly bytes: number;
  readonly memory: ArrayBuffer;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.memory = new ArrayBuffer(bytes);
  }
}

export const memoryOf = (allocation: Allocation): ArrayBuffer => (allocation as Block).memory;
