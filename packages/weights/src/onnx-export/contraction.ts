/** Contractions as matrix products where they are some, else as sums in index notation. */
import type { ContractSpec } from '@tessera/tensor/graph';
import type { GraphBuilder, Value } from './graph-builder.ts';
import type { Dim } from './symbolic.ts';

/** How the labels of a contraction are used. */
interface Labels {
  readonly batch: readonly number[];
  readonly summed: readonly number[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

function sortLabels({ a, b, out }: ContractSpec): Labels {
  const shared = a.filter((label) => b.includes(label));
  return {
    batch: shared.filter((label) => out.includes(label)),
    summed: shared.filter((label) => !out.includes(label)),
    rows: a.filter((label) => !b.includes(label)),
    columns: b.filter((label) => !a.includes(label)),
  };
}

const letters = 'abcdefghijklmnopqrstuvwxyz';

function einsum(builder: GraphBuilder, a: Value, b: Value, spec: ContractSpec): string {
  const all = [...new Set([...spec.a, ...spec.b])];
  const text = (labels: readonly number[]): string => labels.map((label) => letters[all.indexOf(label)]).join('');
  return builder.emit('Einsum', [a.name, b.name], { equation: `${text(spec.a)},${text(spec.b)}->${text(spec.out)}` });
}

/**
 * The contraction of two values with all of their places.
 *
 * A product of [batch, rows, summed] and [batch, summed, columns] is MatMul. Several summed axes become one. Without a batch the first
 * operand may have any number of rows' axes: MatMul keeps them.
 */
export function contraction(
  builder: GraphBuilder,
  a: Value,
  b: Value,
  spec: ContractSpec,
  dims: readonly Dim[],
): Value {
  const { batch, summed, rows, columns } = sortLabels(spec);
  const isProduct =
    summed.length > 0 && columns.length === 1 && (batch.length === 0 ? rows.length > 0 : rows.length === 1);
  if (!isProduct) return { ...a, name: einsum(builder, a, b, spec), dims, scalar: false };
  const dimOf = (label: number): Dim =>
    (spec.a.includes(label) ? a.dims[spec.a.indexOf(label)] : b.dims[spec.b.indexOf(label)]) as Dim;
  const depth = summed.reduce((product, label) => product * (dimOf(label) as number), 1);
  const arranged = (value: Value, own: readonly number[], order: readonly number[], joined: readonly Dim[]): Value => {
    const ordered = builder.permute(
      value,
      order.map((label) => own.indexOf(label)),
    );
    return summed.length === 1 ? ordered : builder.reshape(ordered, joined);
  };
  const left = arranged(a, spec.a, [...batch, ...rows, ...summed], [...batch, ...rows].map(dimOf).concat(depth));
  const right = arranged(
    b,
    spec.b,
    [...batch, ...summed, ...columns],
    [...batch.map(dimOf), depth, ...columns.map(dimOf)],
  );
  const found = [...batch, ...rows, ...columns];
  const product: Value = {
    ...a,
    name: builder.emit('MatMul', [left.name, right.name]),
    dims: found.map(dimOf),
    scalar: false,
  };
  return builder.permute(
    product,
    spec.out.map((label) => found.indexOf(label)),
  );
}
