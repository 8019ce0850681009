/** Recording a function at two batch sizes: what differs between the graphs is what depends on the batch. */
import { type DType, noGrad, type Shape, Tensor } from '@tessera/tensor';
import { graph, isHistoryForgotten, type Node, orderNodes } from '@tessera/tensor/graph';
import { type Dim, isBatch, recordedSizes, symbolicDims } from './symbolic.ts';

/** The input of a function: its shape without the batch. */
export interface RecordedInput {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface RecordedFunction {
  readonly output: Node;
  /** The sizes of a node's value. */
  dimsOf(node: Node): readonly Dim[];
  /** Whether the value is the same for every input. */
  isStatic(node: Node): boolean;
}

/** What a node is computed from. */
export const sourcesOf = (node: Node): readonly Node[] => (isHistoryForgotten(node) ? [] : node.sources);

const record = (forward: (input: Tensor) => Tensor, { shape, dtype }: RecordedInput, batch: number): Node =>
  noGrad(() => forward(Tensor.fromNode(graph.input(0, [batch, ...shape], dtype)))).node;

/** The arguments of a node that do not follow from shapes, as text. */
function fixedArguments(node: Node): string {
  switch (node.op) {
    // Values in storages: constants that the function makes anew have other storages.
    case 'buffer':
    case 'barrier':
    case 'custom':
    // Refused later, with a better message.
    case 'random':
      return '';
    case 'shrink':
      return node.arg.start.join();
    case 'const':
      return String(node.arg.value);
    default:
      return JSON.stringify(node.arg);
  }
}

/**
 * Records a function.
 *
 * @param forward from a batch to a batch, [N, ...] to [N, ...]
 * @throws if its graph depends on the batch size in another way than by sizes that are multiples of it
 */
export function recordFunction(forward: (input: Tensor) => Tensor, input: RecordedInput): RecordedFunction {
  const [output, other] = recordedSizes.map((size) => record(forward, input, size)) as [Node, Node];
  const twins = new Map<Node, Node>([[output, other]]);
  const dims = new Map<Node, readonly Dim[]>();
  const stack = [output];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const twin = twins.get(node) as Node;
    const [own, theirs] = [sourcesOf(node), sourcesOf(twin)];
    const isSame =
      node.op === twin.op &&
      node.dtype === twin.dtype &&
      own.length === theirs.length &&
      node.shape.length === twin.shape.length;
    if (!isSame || fixedArguments(node) !== fixedArguments(twin))
      throw new Error(`the computation depends on the batch size, at a node ${node.op}${scopeOf(node)}`);
    try {
      dims.set(node, symbolicDims(node.shape, twin.shape));
    } catch (cause) {
      throw new Error(`${(cause as Error).message}, at a node ${node.op}${scopeOf(node)}`, { cause });
    }
    for (const [k, source] of own.entries()) {
      const counterpart = theirs[k] as Node;
      const known = twins.get(source);
      if (known === counterpart) continue;
      if (known !== undefined && sourcesOf(source).length > 0 && known.shape.join() !== counterpart.shape.join())
        throw new Error(`the computation depends on the batch size, at a node ${source.op}${scopeOf(source)}`);
      if (known !== undefined) continue;
      twins.set(source, counterpart);
      stack.push(source);
    }
  }
  const dimsOf = (node: Node): readonly Dim[] => dims.get(node) as readonly Dim[];
  const statics = new Set<Node>();
  for (const node of orderNodes([output], sourcesOf))
    if (node.op !== 'input' && !dimsOf(node).some(isBatch) && sourcesOf(node).every((source) => statics.has(source)))
      statics.add(node);
  return { output, dimsOf, isStatic: (node) => statics.has(node) };
}

/** The module that made a node, for messages. */
export const scopeOf = ({ scope }: Node): string => (scope === '' ? '' : ` of ${scope}`);
