/** Checks for finite values, and updates of state that can be taken back. */
import { Tensor, where } from '@tessera/tensor';

/** bool, a scalar: whether no value is infinite or NaN. */
export const allFinite = (values: Tensor): Tensor => values.abs().lt(Number.POSITIVE_INFINITY).all();

/** Returns a function that lists the state tensors that were assigned since, each with its value from before. */
function watchAssignments(state: Iterable<Tensor>): () => { tensor: Tensor; before: Tensor }[] {
  const all = Array.from(state, (tensor) => ({ tensor, before: Tensor.fromNode(tensor.node) }));
  return () => all.filter(({ tensor, before }) => tensor.node !== before.node);
}

/**
 * Runs `update`, which assigns new values to state, and keeps these values only where `condition` (bool, a scalar) is true: otherwise every
 * state tensor keeps its old value, bit for bit. Within a compiled step this costs nothing, because the choice is fused with the update.
 *
 * @param state every tensor that `update` may assign
 * @param update returns the condition, and a result for the caller
 */
export function guardState<T>(state: readonly Tensor[], update: () => { condition: Tensor; result: T }): T {
  const assigned = watchAssignments(state);
  const { condition, result } = update();
  for (const { tensor, before } of assigned()) tensor.assign(where(condition, tensor, before));
  return result;
}

/** Runs `body` and takes back its assignments to `state`. */
export function withoutUpdates<T>(state: Iterable<Tensor>, body: () => T): T {
  const assigned = watchAssignments(state);
  const result = body();
  for (const { tensor, before } of assigned()) tensor.assign(before);
  return result;
}
