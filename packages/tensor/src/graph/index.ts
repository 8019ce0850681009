/** `@tessera/tensor/graph`: nodes and their constructors, for code that builds or transforms graphs, such as automatic differentiation. */
export { type Smoothness, unaryOperators } from '../kernel/operators.ts';
export * as graph from './graph.ts';
export {
  areGradientsEnabled,
  type BinaryOp,
  type ContractSpec,
  type CustomGradient,
  makeNode,
  type Node,
  type NodeOf,
  type Op,
  orderNodes,
  type ReduceOp,
  topologicalOrder,
  type UnaryOp,
  type WindowSpec,
  withGradients,
} from './node.ts';
export { ownStorage, realizedStorage, Storage } from './storage.ts';
export { captureTrace, userLine } from './user-line.ts';
