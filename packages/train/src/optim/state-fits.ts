/** Checks a saved state against the tensors that take its values. */
import { closestName } from '@tessera/nn';
import { formatShape, type Tensor } from '@tessera/tensor';

/** A tensor of a state. */
export interface StateTensor {
  readonly tensor: Tensor;
  /** Whether a saved state may lack it. */
  readonly optional: boolean;
}

/**
 * @param where the method, for the message
 * @param whose what the state belongs to, such as 'the optimizer'
 * @throws Error that lists names that are missing or unexpected, and shapes and dtypes that differ
 */
export function requireFit(
  where: string,
  whose: string,
  own: ReadonlyMap<string, StateTensor>,
  given: ReadonlyMap<string, Tensor>,
): void {
  const problems: string[] = [];
  for (const [name, { tensor, optional }] of own) {
    const value = given.get(name);
    if (value === undefined) {
      if (!optional) problems.push(`missing: ${name}`);
    } else if (formatShape(value.shape) !== formatShape(tensor.shape) || value.dtype !== tensor.dtype)
      problems.push(
        `${name} is ${tensor.dtype} ${formatShape(tensor.shape)} in ${whose} and ${value.dtype} ${formatShape(value.shape)} in the state`,
      );
  }
  for (const name of given.keys()) {
    if (own.has(name)) continue;
    const near = closestName(name, own.keys());
    problems.push(`unexpected: ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}`);
  }
  if (problems.length > 0)
    throw new Error([`${where}: the state does not fit ${whose}`, ...problems.slice(0, 30)].join('\n  '));
}
