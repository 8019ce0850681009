/** What each layer of a model costs: output shapes, parameters, floating-point operations, and memory of activations. */
import { type DType, dtypes, formatShape, isTensor, noGrad, type Shape, type Tensor, zeros } from '@tessera/tensor';
import { display, html, type MediaBundle, type Table, tableHtml } from '@tessera/tensor/display';
import { type Node, type NodeOf, topologicalOrder } from '@tessera/tensor/graph';
import type { HookHandle } from './hooks.ts';
import type { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** One module of the model. What its children have is in their own rows, so that the columns add up. */
export interface LayerSummary {
  /** The path; '' for the model itself. */
  readonly name: string;
  /** The class. */
  readonly type: string;
  /** How many modules it is inside of. */
  readonly depth: number;
  /** How often `forward` was called. */
  readonly calls: number;
  /** The shapes of the tensors that the last call returned; none if `forward` was not called. */
  readonly outputShapes: readonly Shape[];
  /** Elements of its own parameters. */
  readonly parameters: number;
  readonly trainableParameters: number;
  /** Two for each multiplication with addition in products of matrices and convolutions; other operations are not counted. */
  readonly flops: number;
  /** Bytes of the tensors that it returned, unless a child had returned them. */
  readonly activationBytes: number;
}

export interface SummaryOptions {
  /** The dtype of inputs that are given by their shape: one for all, or one for each. Default: f32. */
  readonly dtype?: DType | readonly DType[];
  /** Calls the model. Default: its `forward` with the inputs. */
  readonly call?: (...inputs: readonly Tensor[]) => unknown;
}

/** An input: its shape, or a tensor. */
export type SummaryInput = Shape | Tensor;

/** The rows, their sums, and both as a table: `console.log(summary(...))`, or `String(summary(...))`. */
export class ModelSummary {
  readonly layers: readonly LayerSummary[];
  readonly inputShapes: readonly Shape[];
  readonly parameters: number;
  readonly trainableParameters: number;
  readonly parameterBytes: number;
  readonly flops: number;
  readonly activationBytes: number;

  constructor(layers: readonly LayerSummary[], inputShapes: readonly Shape[], parameterBytes: number) {
    const total = (key: 'parameters' | 'trainableParameters' | 'flops' | 'activationBytes'): number =>
      layers.reduce((sum, layer) => sum + layer[key], 0);
    this.layers = layers;
    this.inputShapes = inputShapes;
    this.parameters = total('parameters');
    this.trainableParameters = total('trainableParameters');
    this.parameterBytes = parameterBytes;
    this.flops = total('flops');
    this.activationBytes = total('activationBytes');
  }

  toString(): string {
    return formatSummary(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return { [Symbol.for('nodejs.util.inspect.custom')]: () => this.toString() };
  }

  /** What a notebook shows: the same rows as an HTML table. */
  [display](): MediaBundle {
    const table = html`${tableHtml(tableOf(this))}<div>${inputLine(this)}</div>`;
    return { 'text/plain': this.toString(), 'text/html': table.text };
  }
}

/**
 * Costs of a model for inputs of these shapes, the batch included. The model is called in evaluation mode, but nothing is computed, and
 * neither its state nor its mode changes.
 *
 *     console.log(summary(model, [1, 3, 224, 224]));
 *     summary(clip, [[8, 3, 224, 224], [8, 77]], { dtype: ['f32', 'i32'] }).flops
 *
 * FLOP are those of the forward pass, as torch.utils.flop_counter counts them: two for each multiplication with addition in products of
 * matrices and convolutions.
 *
 * @param inputs the shape of the only input, or a shape or tensor for each input
 * @throws Error if the model does not accept such inputs
 */
export function summary(
  model: Module,
  inputs: Shape | Tensor | readonly SummaryInput[],
  { dtype = 'f32', call }: SummaryOptions = {},
): ModelSummary {
  const list = isShape(inputs) || isTensor(inputs) ? [inputs] : inputs;
  const tensors = list.map((input, k) => {
    if (isTensor(input)) return input;
    // Not a constant, which would be folded away.
    return zeros(input, { dtype: typeof dtype === 'string' ? dtype : (dtype[k] ?? 'f32') }).contiguous();
  });
  // Also names the modules, and so the nodes that each of them makes.
  const parameters = model.parameters();
  const forward = call ?? (model as Module & { forward(...inputs: readonly Tensor[]): unknown }).forward;
  const calls = recordCalls(model, () => forward(...tensors));
  const flops = flopsByScope([...calls.values()].flatMap(({ nodes }) => nodes));
  const seen = new Set<Parameter>();
  const layers = [...model.namedModules()].map(([name, module]): LayerSummary => {
    // A parameter that several modules share counts for the first.
    const own = [...module.members()].flatMap(([, member]) =>
      member instanceof Parameter && !seen.has(member) ? [member] : [],
    );
    for (const parameter of own) seen.add(parameter);
    const { count, outputShapes, bytes } = calls.get(module) ?? { count: 0, outputShapes: [], bytes: 0 };
    return {
      name,
      type: module.constructor.name,
      depth: name === '' ? 0 : name.split('.').length,
      calls: count,
      outputShapes,
      parameters: elementsOf(own),
      trainableParameters: elementsOf(own.filter(({ requiresGrad }) => requiresGrad)),
      flops: flops.get(name) ?? 0,
      activationBytes: bytes,
    };
  });
  return new ModelSummary(
    layers,
    tensors.map(({ shape }) => shape),
    parameters.reduce((bytes, parameter) => bytes + bytesOf(parameter.node), 0),
  );
}

const isShape = (value: Shape | Tensor | readonly SummaryInput[]): value is Shape =>
  Array.isArray(value) && value.every((n) => typeof n === 'number');

const elementsOf = (tensors: readonly Tensor[]): number => tensors.reduce((total, { size }) => total + size, 0);

const bytesOf = ({ shape, dtype }: Node): number => shape.reduce((product, n) => product * n, dtypes[dtype].bytes);

/** What the calls of one module returned. */
interface Calls {
  count: number;
  outputShapes: readonly Shape[];
  bytes: number;
  readonly nodes: Node[];
}

/** Runs `body` with a hook on every module, in evaluation mode. Modes are restored afterwards. */
function recordCalls(model: Module, body: () => unknown): ReadonlyMap<Module, Calls> {
  const calls = new Map<Module, Calls>();
  const counted = new Set<Node>();
  const handles: HookHandle[] = [];
  const modes: [module: Module, training: boolean][] = [];
  try {
    for (const [, module] of model.namedModules()) {
      modes.push([module, module.training]);
      module.training = false;
      const record: Calls = { count: 0, outputShapes: [], bytes: 0, nodes: [] };
      const note = (_: Module, __: readonly unknown[], output: unknown): undefined => {
        const nodes = nodesIn(output);
        // What a child has returned was counted there: children return before their parents.
        const own = nodes.filter((node) => !counted.has(node));
        for (const node of own) counted.add(node);
        record.count++;
        record.outputShapes = nodes.map(({ shape }) => shape);
        record.bytes += own.reduce((bytes, node) => bytes + bytesOf(node), 0);
        record.nodes.push(...nodes);
      };
      handles.push(module.registerForwardHook<unknown>(note));
      calls.set(module, record);
    }
    noGrad(body);
  } finally {
    for (const handle of handles) handle.remove();
    for (const [module, training] of modes) module.training = training;
  }
  return calls;
}

/** The nodes of the tensors in a result: of itself, or in an array or an object. */
function nodesIn(output: unknown): Node[] {
  if (isTensor(output)) return [output.node];
  return typeof output === 'object' && output !== null ? Object.values(output).flatMap(nodesIn) : [];
}

/** Floating-point operations by the path of the module that asked for them. */
function flopsByScope(roots: readonly Node[]): ReadonlyMap<string, number> {
  const flops = new Map<string, number>();
  for (const node of topologicalOrder(roots))
    if (node.op === 'contract') flops.set(node.scope, (flops.get(node.scope) ?? 0) + flopsOf(node));
  return flops;
}

/** A multiplication and an addition for every element of the result and every position that is summed over. */
function flopsOf({ arg: { a, out }, sources: [first], shape }: NodeOf<'contract'>): number {
  const summed = a.flatMap((label, axis) => (out.includes(label) ? [] : [first?.shape[axis] ?? 1]));
  return [...shape, ...summed].reduce((product, n) => product * n, 2);
}

const count = (n: number): string => n.toLocaleString('en-US');

const units = ['', ' K', ' M', ' G', ' T'] as const;

/** 1.82 G: three digits and a unit of a power of 1000. */
function short(n: number): string {
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  return power === 0 ? String(n) : `${(n / 1000 ** power).toPrecision(3)}${units[power]}`;
}

const bytes = (n: number): string => `${short(n)}${n < 1000 ? ' ' : ''}B`;

function tableOf(model: ModelSummary): Table & { readonly foot: readonly string[] } {
  return {
    head: ['layer', 'output', 'parameters', 'FLOP', 'activations'],
    rows: model.layers.map(({ name, type, depth, calls, outputShapes, ...layer }) => ({
      depth,
      cells: [
        `${name === '' ? type : `${name.slice(name.lastIndexOf('.') + 1)}: ${type}`}${calls > 1 ? ` (${calls} calls)` : ''}`,
        outputShapes.map(formatShape).join(', '),
        layer.parameters === 0 ? '' : count(layer.parameters),
        layer.flops === 0 ? '' : short(layer.flops),
        layer.activationBytes === 0 ? '' : bytes(layer.activationBytes),
      ],
    })),
    foot: ['total', '', count(model.parameters), short(model.flops), bytes(model.activationBytes)],
    textColumns: 2,
  };
}

function inputLine(model: ModelSummary): string {
  const frozen = model.parameters - model.trainableParameters;
  return (
    `input ${model.inputShapes.map(formatShape).join(', ')}; parameters ${bytes(model.parameterBytes)}` +
    (frozen === 0 ? '' : `, ${count(frozen)} of them frozen`)
  );
}

function formatSummary(model: ModelSummary): string {
  const { head, rows, foot, textColumns } = tableOf(model);
  const indented = rows.map(({ cells: [first = '', ...others], depth = 0 }) => ['  '.repeat(depth) + first, ...others]);
  const all = [head, ...indented, foot];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column < textColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [line(head), rule, ...indented.map(line), rule, line(foot), inputLine(model)].join('\n');
}
