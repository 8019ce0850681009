/** The contraction of the oracle, as plain matrix products. */
import type { ContractSpec } from '../../graph/node.ts';
import { nth } from '../../kernel/nth.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../kernel/shape.ts';
import { pick, positions } from './positions.ts';

interface Operand {
  readonly values: Float64Array;
  readonly shape: Shape;
}

/**
 * A contraction as a batch of matrix products: the operands are permuted to [batch, m, k] and [batch, n, k] and multiplied row by row,
 * and the result [batch, m, n] is permuted to the order of the output's labels.
 */
export function contract(a: Operand, b: Operand, spec: ContractSpec): Float64Array {
  const batch = spec.a.filter((label) => spec.b.includes(label) && spec.out.includes(label));
  const k = spec.a.filter((label) => spec.b.includes(label) && !spec.out.includes(label));
  const m = spec.a.filter((label) => !spec.b.includes(label));
  const n = spec.b.filter((label) => !spec.a.includes(label));
  const size = (label: number): number =>
    spec.a.includes(label) ? nth(a.shape, spec.a.indexOf(label)) : nth(b.shape, spec.b.indexOf(label));
  const volume = (labels: readonly number[]): number => sizeOf(labels.map(size));
  const ordered = (values: Float64Array, from: readonly number[], to: readonly number[]): Float64Array => {
    const strides = contiguousStrides(from.map(size));
    return pick(
      values,
      positions(
        to.map(size),
        to.map((label) => nth(strides, from.indexOf(label))),
      ),
    );
  };
  const rows = ordered(a.values, spec.a, [...batch, ...m, ...k]);
  const columns = ordered(b.values, spec.b, [...batch, ...n, ...k]);
  const [batches, height, width, depth] = [volume(batch), volume(m), volume(n), volume(k)];
  const product = new Float64Array(batches * height * width);
  let position = 0;
  for (let batchIndex = 0; batchIndex < batches; batchIndex++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const row = (batchIndex * height + i) * depth;
        const column = (batchIndex * width + j) * depth;
        let sum = 0;
        for (let l = 0; l < depth; l++) sum += (rows[row + l] as number) * (columns[column + l] as number);
        product[position++] = sum;
      }
  return ordered(product, [...batch, ...m, ...n], spec.out);
}
