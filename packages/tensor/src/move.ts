import type { Backend } from './kernel/backend.ts';
import { relocate } from './runtime/realize.ts';
import type { Tensor } from './tensor.ts';

/**
 * Moves tensors to another backend (opened if it is not), in place: each keeps its identity, and stands for its value there. Gradients
 * in `grad` move along. Where one cannot be moved, for want of memory or because the backend lacks its dtype, none is.
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
