/** A model's sizes, read from the shapes of its tensors. */
import type { StateDict } from '@tessera/nn';
import { formatShape } from '@tessera/tensor';

/** Reads sizes of a model from its tensors' shapes. Missing tensors and impossible shapes are errors that name the tensor. */
export class Shapes {
  readonly #state: StateDict;

  constructor(state: StateDict) {
    this.#state = state;
  }

  has(name: string): boolean {
    return this.#state.has(name);
  }

  /** The size of a tensor along an axis. @param axes the number of axes that the tensor must have */
  size(name: string, axis: number, axes: number): number {
    const tensor = this.#state.get(name);
    if (tensor === undefined) throw new Error(`${name} is missing; the model's sizes are read from it`);
    // No axis may have length 0: then no size can be larger than the file.
    const size = tensor.shape[axis];
    if (size === undefined || tensor.ndim !== axes || tensor.shape.some((length) => length < 1))
      throw new Error(`${name} has shape ${formatShape(tensor.shape)}; expected ${axes} axes of length 1 or more`);
    return size;
  }

  /** The number of modules PREFIX.0, PREFIX.1, ... @throws if the numbering has gaps */
  count(prefix: string): number {
    const start = `${prefix}.`;
    const numbers = new Set<number>();
    for (const name of this.#state.keys())
      if (name.startsWith(start)) numbers.add(Number(name.slice(start.length).split('.')[0]));
    for (let k = 0; k < numbers.size; k++)
      if (!numbers.has(k)) throw new Error(`${prefix} has ${numbers.size} parts, but ${prefix}.${k} is missing`);
    return numbers.size;
  }
}

/** The side of a square grid. @param places the number of its cells @throws if that is not a square number */
export function squareSide(places: number, name: string): number {
  const side = Math.round(Math.sqrt(places));
  if (side * side !== places || side === 0) throw new Error(`${name} has ${places} places, which is not a square grid`);
  return side;
}
