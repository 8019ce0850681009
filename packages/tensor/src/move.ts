/** Moving tensors between backends. */
import type { Backend } from './kernel/backend.ts';
import { relocate } from './runtime/realize.ts';
import type { Tensor } from './tensor.ts';

/**
 * Moves tensors to another backend, which is opened if necessary. The tensors stay the same objects. Their gradients in `grad` are moved
 * as well. If one tensor cannot be moved, because memory is short or the backend does not support its dtype, none is.
 */
export async function moveTensors(tensors: Iterable<Tensor>, backend: Backend | string): Promise<void> {
  const moves: (() => void)[] = [];
  for (const tensor of tensors) {
    const node = await relocate(tensor.node, backend);
    const grad = (await tensor.grad?.to(backend)) ?? null;
    moves.push(() => {
      if (node !== tensor.node) tensor.node = node;
      tensor.grad = grad;
    });
  }
  for (const move of moves) move();
}
