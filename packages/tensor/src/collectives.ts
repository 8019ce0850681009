/** Exchanges with other ranks as operations on tensors: steps of the program, through which gradients flow. */
import * as graph from './graph/graph.ts';
import type { CollectiveKind } from './kernel/collective.ts';
import type { Communicator, Reduction } from './kernel/communicator.ts';
import { Tensor } from './tensor.ts';

const collective = (
  x: Tensor,
  kind: CollectiveKind,
  communicator: Communicator,
  reduction: Reduction = 'sum',
): Tensor => Tensor.fromNode(graph.collective(x.node, { kind, communicator, reduction }));

/*
 * Every rank must compute the same collectives in the same order, of the same shapes. Gradients are those of the sum of the losses of all
 * ranks: divide each rank's loss by the number of ranks for the gradient of their mean. They need reduction `sum`.
 */

/** The reduction of the tensors of all ranks, element by element, with the same bits on all of them. Shape and dtype of `x`. */
export const allReduce = (x: Tensor, communicator: Communicator, reduction: Reduction = 'sum'): Tensor =>
  collective(x, 'allReduce', communicator, reduction);

/** The tensors of all ranks one after the other along axis 0: [N, ...] becomes [ranks * N, ...]. Throws RangeError for a number. */
export const allGather = (x: Tensor, communicator: Communicator): Tensor => collective(x, 'allGather', communicator);

/**
 * This rank's part, along axis 0, of the reduction of the tensors of all ranks: [N, ...] becomes [N / ranks, ...]. Throws RangeError if
 * the ranks cannot share axis 0 equally.
 */
export const reduceScatter = (x: Tensor, communicator: Communicator, reduction: Reduction = 'sum'): Tensor =>
  collective(x, 'reduceScatter', communicator, reduction);

/** Part `r` of the result, along axis 0, is what rank `r` has in the part with this rank's number. Shape and dtype of `x`. Throws RangeError if the ranks cannot share axis 0 equally. */
export const allToAll = (x: Tensor, communicator: Communicator): Tensor => collective(x, 'allToAll', communicator);
