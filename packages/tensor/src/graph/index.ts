/** `@tessera/tensor/graph`: nodes and their constructors, for code that builds or transforms graphs, such as automatic differentiation. */
export { type Smoothness, unaryOperators } from '../kernel/operators.ts';
export { formatOperation } from './format-graph.ts';
export * as graph from './graph.ts';
export { checkIndex, declareRange, firstOf, type IndexRange } from './index-check.ts';
export {
  addCheck,
  areGradientsEnabled,
  type BinaryOp,
  type Check,
  type ContractSpec,
  type CustomGradient,
  isHistoryForgotten,
  makeNode,
  mayComeFrom,
  type Node,
  type NodeOf,
  noteOrigins,
  type Op,
  orderNodes,
  originOf,
  type ReduceOp,
  requireGradient,
  stopsGradient,
  topologicalOrder,
  type UnaryOp,
  type WindowSpec,
  withDerivativeOf,
  withGradients,
} from './node.ts';
export { ownStorage, realizedStorage, Storage } from './storage.ts';
export { captureTrace, formatPlace, userLine } from './user-line.ts';
