/** Inputs of check cases, described so that TypeScript and Python can both draw them. */
import { rand, randint, randn, type Shape, sizeOf, type Tensor, tensor } from '@tessera/tensor';

/** A description of an input: how it is drawn, or its values. Plain data, which becomes JSON for scripts/reference/generate.py. */
export type InputSpec =
  | { readonly kind: 'normal'; readonly shape: Shape; readonly mean?: number; readonly std?: number }
  | { readonly kind: 'uniform'; readonly shape: Shape; readonly low?: number; readonly high?: number }
  | { readonly kind: 'integers'; readonly shape: Shape; readonly below: number }
  | { readonly kind: 'constant'; readonly shape: Shape; readonly values: readonly number[] };

/** Normal numbers. */
export const normal = (shape: Shape, options: { readonly mean?: number; readonly std?: number } = {}): InputSpec => ({
  kind: 'normal',
  shape,
  ...options,
});

/** Evenly distributed numbers, by default between 0 and 1. */
export const uniform = (shape: Shape, options: { readonly low?: number; readonly high?: number } = {}): InputSpec => ({
  kind: 'uniform',
  shape,
  ...options,
});

/** i32 from 0 to before `below`: tokens, classes, indices. */
export const integers = (shape: Shape, below: number): InputSpec => ({ kind: 'integers', shape, below });

/** These i32. */
export const constant = (values: readonly number[], shape: Shape = [values.length]): InputSpec => {
  if (values.length !== sizeOf(shape))
    throw new RangeError(`constant: ${values.length} values for a shape of ${sizeOf(shape)}`);
  return { kind: 'constant', shape, values };
};

/** Draws an input: f64 from `normal` and `uniform`, i32 from `integers` and `constant`. */
export function drawInput(spec: InputSpec): Tensor {
  switch (spec.kind) {
    case 'normal':
      return randn(spec.shape, { dtype: 'f64' })
        .mul(spec.std ?? 1)
        .add(spec.mean ?? 0);
    case 'uniform': {
      const { low = 0, high = 1 } = spec;
      return rand(spec.shape, { dtype: 'f64' })
        .mul(high - low)
        .add(low);
    }
    case 'integers':
      return randint(spec.shape, 0, spec.below);
    case 'constant':
      return tensor(Int32Array.from(spec.values), { shape: spec.shape });
    default:
      throw new RangeError(`drawInput: ${JSON.stringify(spec satisfies never)} is not an input`);
  }
}
