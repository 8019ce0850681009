/** Some rows of a batch of tensors, for the examples of an evaluation. */
import { type Tensor, tensor } from '@tessera/tensor';
import type { BatchTensors } from '../../loop/objective.ts';
import type { Picture } from '../../report/draw.ts';

/** The tensors with the given rows only. */
export const selectRows = <Tensors extends BatchTensors>(tensors: Tensors, rows: readonly number[]): Tensors => {
  const places = tensor(Int32Array.from(rows));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, whole]) => [name, whole.indexSelect(0, places)]),
  ) as Tensors;
};

/** Images u8 [N, H, W, 3] as pictures. */
export async function picturesOf(images: Tensor): Promise<Picture[]> {
  const [count = 0, height = 0, width = 0] = images.shape;
  const pixels = Uint8Array.from(await images.data());
  const bytes = height * width * 3;
  return Array.from({ length: count }, (_, k) => ({ pixels: pixels.slice(k * bytes, (k + 1) * bytes), height, width }));
}
