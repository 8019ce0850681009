/** A pickle reader that runs no code. */
import { ByteReader } from './byte-reader.ts';
import { Machine } from './machine.ts';
import { opcodes, type PickleRules, stopCode } from './opcodes.ts';
import type { PickleValue } from './values.ts';

/**
 * Reads one pickle as data. No code is run: the names in a pickle are looked up in `rules`, and all others are rejected. Time and
 * memory are proportional to the pickle's length.
 *
 * @returns the value, and the position in `bytes` at which the pickle ends
 * @throws if the pickle is damaged or needs more than data; the message contains the byte and the operation
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules, start = 0): { value: PickleValue; end: number } {
  const input = new ByteReader(bytes);
  const machine = new Machine();
  input.position = start;
  for (;;) {
    const at = input.position;
    const code = input.u8();
    if (code === stopCode) return { value: located(at, 'STOP', () => machine.finish()), end: input.position };
    const opcode = opcodes.get(code);
    if (opcode === undefined)
      throw new Error(
        `byte ${at}: operation 0x${code.toString(16).padStart(2, '0')} is not needed in a file of numbers: rejected`,
      );
    located(at, opcode.name, () => opcode.run(machine, input, rules));
  }
}

function located<T>(at: number, name: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(message.startsWith('byte ') ? message : `byte ${at}: ${name} ${message}`, { cause });
  }
}
