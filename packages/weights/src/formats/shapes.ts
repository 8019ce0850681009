import type { StateDict } from '@tessera/nn';
import { formatShape } from '@tessera/tensor';

/** Sizes of a model, read from its tensors' shapes. What is missing or impossible is an error that names the tensor. */
export class Shapes {
  readonly #state: StateDict;

  constructor(state: StateDict) {
    this.#state = state;
  }

  has(name: string): boolean {
    return this.#state.has(name);
  }

  /** The size of a tensor along one of its `axes` axes. */
  size(name: string, axis: number, axes: number): number {
    const tensor = this.#state.get(name);
    if (tensor === undefined) throw new Error(`there is no ${name}, from which the model's sizes are read`);
    // No axis may be empty: then no size is larger than the file.
    if (tensor.ndim !== axes || tensor.shape.some((size) => size < 1))
      throw new Error(`${name} is ${formatShape(tensor.shape)}; ${axes} axes of at least 1 are expected`);
    return tensor.shape[axis] as number;
  }

  /** How many are numbered PREFIX.0, PREFIX.1, ... */
  count(prefix: string): number {
    const start = `${prefix}.`;
    const numbers = new Set<number>();
    for (const name of this.#state.keys())
      if (name.startsWith(start)) numbers.add(Number(name.slice(start.length).split('.')[0]));
    for (let k = 0; k < numbers.size; k++)
      if (!numbers.has(k)) throw new Error(`${prefix} has ${numbers.size} parts, but no ${prefix}.${k}`);
    return numbers.size;
  }
}

/** The side of a square of so many places. @throws where they are no square */
export function squareSide(places: number, name: string): number {
  const side = Math.round(Math.sqrt(places));
  if (side * side !== places || side === 0) throw new Error(`${name} has ${places} places, which are no square grid`);
  return side;
}
