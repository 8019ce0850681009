import { type Tensor, Tensor as TensorClass, where } from '@tessera/tensor';

/** bool, a scalar: whether no value is infinite or NaN. */
export const allFinite = (values: Tensor): Tensor => values.abs().lt(Number.POSITIVE_INFINITY).all();

/**
 * Runs `update`, which assigns new values to state, and keeps these only where `condition` (bool, a scalar) holds: otherwise every
 * state tensor has its old value, bit for bit. Within a compiled step this costs nothing: the choice is fused with the update.
 *
 * @param state every tensor that `update` may assign
 * @param update returns the condition, and whatever else the caller wants
 */
export function guardState<T>(state: readonly Tensor[], update: () => { condition: Tensor; result: T }): T {
  const before = state.map(({ node }) => TensorClass.fromNode(node));
  const { condition, result } = update();
  state.forEach((tensor, k) => {
    const old = before[k];
    if (tensor.node !== old.node) tensor.assign(where(condition, tensor, old));
  });
  return result;
}
