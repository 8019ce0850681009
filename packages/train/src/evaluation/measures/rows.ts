/** Some rows of a batch of tensors, for the examples of an evaluation. */
import { tensor } from '@tessera/tensor';
import type { BatchTensors } from '../../loop/objective.ts';

/** The tensors with the given rows only. */
export const selectRows = <Tensors extends BatchTensors>(tensors: Tensors, rows: readonly number[]): Tensors => {
  const places = tensor(Int32Array.from(rows));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, whole]) => [name, whole.indexSelect(0, places)]),
  ) as Tensors;
};
