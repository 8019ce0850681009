/** The tensors of a module's state: trained parameters, and buffers. */
import { type DType, getBackend, type Shape, Tensor } from '@tessera/tensor';
import { graph, type Node, ownStorage } from '@tessera/tensor/graph';
import { requireTensors } from '../arguments.ts';

/**
 * A buffer leaf with its own storage and the value of `node`. A state cell must be a leaf: a constant would be folded into
 * its users, and an expression would be differentiated through. Nor may it share its storage with the tensor that it starts from:
 * a compiled step that reads the parameter follows the handle that the storage belongs to.
 */
function leaf(node: Node): Node {
  return graph.buffer(ownStorage(getBackend(), node), node.shape);
}

/** A tensor that is trained. Assigned to a field of a `Module`, it is a parameter of the module, with the field's name. */
export class Parameter extends Tensor {
  constructor(value: Tensor, requiresGrad = true) {
    requireTensors('Parameter', { 'the value': value });
    super(leaf(value.node));
    this.requiresGrad = requiresGrad;
  }

  /** Gives the parameter new initial values, before training: see `init` for initializers. */
  initialize(initializer: (shape: Shape) => Tensor): void {
    this.node = leaf(initializer(this.shape).node);
  }
}

/** State that is not trained but belongs to the state_dict, such as BatchNorm's running mean. */
export class Buffer extends Tensor {
  constructor(value: Tensor) {
    requireTensors('Buffer', { 'the value': value });
    super(leaf(value.node));
  }
}

/** Rebinds `state` to its own value in another dtype. */
export function castState(state: Parameter | Buffer, dtype: DType): void {
  if (state.dtype !== dtype) state.node = leaf(state.detach().cast(dtype).node);
}
