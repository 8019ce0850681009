/** Compiled functions: a function is recorded once for each combination of argument shapes, planned, and replayed. */

import type { NamedRoot } from './graph/format-graph.ts';
import * as graph from './graph/graph.ts';
import { type Node, orderNodes } from './graph/node.ts';
import {
  allocationOf,
  computedStorage,
  pendingNode,
  realizedStorage,
  Storage,
  storeArray,
  uncomputedSources,
} from './graph/storage.ts';
import { type Allocation, type Backend, type Executable, getBackend } from './kernel/backend.ts';
import { bytesOf, type DType } from './kernel/dtype.ts';
import { nth } from './kernel/nth.ts';
import type { Plan } from './kernel/plan.ts';
import { type Shape, sizeOf } from './kernel/shape.ts';
import { getDefaultGenerator, withRandomKey } from './random/generator.ts';
import { planGraph, preparePlan } from './runtime/prepare.ts';
import {
  debugListener,
  type Explanation,
  explanation,
  type FormListener,
  formatTimes,
  joinListeners,
  type ProgramTimes,
} from './runtime/program-forms.ts';
import { findBackend, inTurn, realizeNodes, realizeNow } from './runtime/realize.ts';
import { type Recorder, refuseWhileRecording, type StateCell, withRecording } from './runtime/recording.ts';
import { currentScope, trackStorage } from './runtime/scope.ts';
import type { External } from './schedule/planner.ts';
import { Tensor } from './tensor.ts';
import { flattenTensors } from './tree.ts';

/** A recorded and planned function, for one combination of argument shapes. */
export interface CompiledProgram {
  readonly plan: Plan;
  readonly executable: Executable;
  readonly times: ProgramTimes;
  /** The memory of the plan's external buffers in the last run; empty before the first run. */
  readonly allocations: readonly Allocation[];
}

/** What `compile` returns. */
export interface CompiledFunction<A extends unknown[], R> {
  /** Runs the program and resolves when it has finished. */
  (...args: A): Promise<R>;
  /** The program for these arguments; it is recorded if there is none yet. Nothing is executed. */
  program(...args: A): Promise<CompiledProgram>;
  /**
   * Every intermediate form of the program that these arguments run, as text: the recorded graph, the graph as the scheduler sees it,
   * the kernels, the plan, and the generated code, with the time that each stage took. A program that exists already is made once more
   * for this, from a new recording; code that the backend has kept is then not generated again. Nothing is executed. The environment
   * variable TESSERA_DEBUG prints the same for every program.
   */
  explain(...args: A): Promise<Explanation>;
  /** Frees the programs. The function can still be called; it is then recorded again. */
  dispose(): void;
}

interface AssignedCell {
  readonly cell: Tensor;
  readonly before: Node;
  storage: Storage;
}

interface Recording {
  readonly outputs: readonly Node[];
  readonly rebuild: (tensors: readonly Tensor[]) => unknown;
  readonly assigned: readonly AssignedCell[];
}

/** Where the memory of an external buffer comes from at each run. */
type Binding =
  | { readonly kind: 'cell'; readonly cell: WeakRef<StateCell>; readonly storage: Storage }
  | { readonly kind: 'storage'; readonly storage: Storage }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number };

interface Program extends CompiledProgram {
  allocations: Allocation[];
  readonly backend: Backend;
  readonly bindings: readonly Binding[];
  readonly randomKey: Storage | null;
  readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly rebuild: (tensors: readonly Tensor[]) => unknown;
}

const keptPrograms = 64;

const backendNumbers = new WeakMap<Backend, number>();
let backendCount = 0;

/** A number for each backend object: two of them may have the same name, one after the other or with different options. */
function backendNumber(backend: Backend): number {
  const number = backendNumbers.get(backend) ?? backendCount++;
  backendNumbers.set(backend, number);
  return number;
}

/**
 * Compiles a function into one plan: after the first call no graph is built, no code is generated, and only the results are allocated.
 *
 * Tensors among the arguments (also in arrays and objects) are inputs. Everything else in the arguments becomes part of the program, so
 * pass a number that changes from call to call as a tensor: each new combination of shapes, dtypes and other values is recorded again.
 * The result must consist of tensors, arrays and objects. Values cannot be read inside the function. Tensors captured from outside are
 * read at each run. `assign` inside the function takes effect at its end, in place: the new value is written to the memory of the old
 * one. Random numbers are new at each run (see `Generator`).
 */
export function compile<A extends unknown[], R>(fn: (...args: A) => R): CompiledFunction<A, R> {
  const programs = new Map<string, Program>();

  /** `listen` is told of the program's forms if it is made now. */
  const programFor = async (
    args: A,
    listen: FormListener | null = null,
  ): Promise<{ program: Program; inputs: Tensor[]; isNew: boolean }> => {
    refuseWhileRecording('compile: a compiled function was called while another is recorded; call the plain function');
    const { tensors, key } = flattenTensors(args);
    // Compute state that was assigned outside, and arguments that were not computed yet.
    await realizeNodes(tensors.map(({ node }) => node));
    const backend = findBackend(tensors.map(({ node }) => node)) ?? getBackend();
    const fullKey = `${backendNumber(backend)} ${key}`;
    let program = programs.get(fullKey);
    const isNew = program === undefined;
    if (program === undefined) {
      program = await inTurn(() => build(backend, fn, args, listen));
      if (programs.size >= keptPrograms) {
        const [oldest, { executable }] = programs.entries().next().value as [string, Program];
        programs.delete(oldest);
        executable.dispose();
      }
      programs.set(fullKey, program);
    }
    return { program, inputs: tensors, isNew };
  };

  const call = async (...args: A): Promise<R> => {
    const scope = currentScope();
    const { program, inputs } = await programFor(args);
    return inTurn(() => run(program, inputs, scope)) as Promise<R>;
  };
  return Object.assign(call, {
    program: async (...args: A) => (await programFor(args)).program,
    explain: async (...args: A) => {
      const forms = new Map<string, string>();
      const listen: FormListener = (form, text) => forms.set(form, text());
      let { program, isNew } = await programFor(args, listen);
      if (!isNew) {
        // A program keeps none of its forms but the plan.
        program = await inTurn(() => build(program.backend, fn, args, listen));
        program.executable.dispose();
      }
      return explanation((form) => forms.get(form) ?? '', program.times);
    },
    dispose: () => {
      for (const { executable } of programs.values()) executable.dispose();
      programs.clear();
    },
  });
}

function record<A extends unknown[]>(fn: (...args: A) => unknown, args: A, key: Node): Recording {
  const { tensors, rebuild } = flattenTensors(args);
  const inputs = tensors.map(({ shape, dtype }, index) => Tensor.fromNode(graph.input(index, shape, dtype)));
  const assigned = new Map<Tensor, AssignedCell>();
  const recorder: Recorder = {
    assigned(cell, storage) {
      const known = assigned.get(cell as Tensor);
      if (known === undefined) assigned.set(cell as Tensor, { cell: cell as Tensor, before: cell.node, storage });
      else known.storage = storage;
    },
  };
  try {
    const result = withRecording(recorder, () => withRandomKey(key, () => fn(...(rebuild(inputs) as A))));
    if (result instanceof Promise)
      throw new Error(
        'compile: the function is asynchronous; a compiled function only describes computations, so it must return its tensors directly',
      );
    const outputs = flattenTensors([result]);
    if (outputs.other)
      throw new Error(
        `compile: the function returned ${outputs.other}, which is not a tensor: its value would be fixed in the program`,
      );
    return {
      outputs: outputs.tensors.map(({ node }) => node),
      rebuild: (values) => (outputs.rebuild(values) as unknown[])[0],
      assigned: [...assigned.values()],
    };
  } finally {
    for (const { cell, before } of assigned.values()) cell.node = before;
  }
}

/** Whether the tensor's value is stored in memory of its own, which a program may overwrite. */
const isOwnState = ({ cell, before }: AssignedCell): boolean =>
  before.op === 'buffer' && before.arg.storage.pending === null && before.arg.storage.cell?.deref() === cell;

/**
 * State from outside whose value was not computed yet. It must be computed before planning: otherwise its computation would become part
 * of the program, which then would not see later values. Nodes that are older than `key` come from outside.
 */
function waitingState({ outputs, assigned }: Recording, key: Node): Node[] {
  const values = assigned.map(({ storage }) => pendingNode(storage));
  const cells = assigned.map(({ before }) => before);
  return orderNodes([...outputs, ...values, ...cells], uncomputedSources).filter(
    (node) => node.op === 'buffer' && node.arg.storage.pending !== null && node.id < key.id,
  );
}

/** What a program computes: the roots of its graph, and the storages whose values some of them replace. */
interface RecordedProgram {
  readonly recording: Recording;
  readonly roots: readonly NamedRoot[];
  readonly replaces: ReadonlyMap<number, Storage>;
  readonly randomKey: Storage;
}

/** Runs the function on a graph's inputs, a second time where state had to get memory of its own first. */
async function recordProgram<A extends unknown[]>(
  backend: Backend,
  fn: (...args: A) => unknown,
  args: A,
): Promise<RecordedProgram> {
  const randomKey = storeArray(backend, 'i32', new Int32Array(2));
  const key = graph.buffer(randomKey, [2]);
  let recording = record(fn, args, key);
  const waiting = waitingState(recording, key);
  if (waiting.length > 0) await realizeNow(waiting);
  const shared = recording.assigned.filter((entry) => !isOwnState(entry));
  if (shared.length > 0) {
    // The values of these cells are constants, or belong to other nodes: they get memory of their own, and the function is recorded again.
    for (const { cell } of shared) cell.assign(Tensor.fromNode(cell.node));
    await realizeNow([]);
    recording = record(fn, args, key);
  }
  const { outputs, assigned } = recording;
  const roots = [
    ...outputs.map((node, k) => ({ node, use: `return ${k}` })),
    ...assigned.map(({ cell, storage }) => ({
      node: pendingNode(storage),
      use: `assign to ${cell.name === undefined ? 'a tensor' : `'${cell.name}'`}`,
    })),
  ];
  const replaces = new Map(assigned.map(({ before }, k) => [outputs.length + k, computedStorage(before)] as const));
  return { recording, roots, replaces, randomKey };
}

async function build<A extends unknown[]>(
  backend: Backend,
  fn: (...args: A) => unknown,
  args: A,
  listener: FormListener | null,
): Promise<Program> {
  const start = performance.now();
  backend.warmUp?.();
  const { recording, roots, replaces, randomKey } = await recordProgram(backend, fn, args);
  const recordingTime = performance.now() - start;
  const listen = joinListeners(listener, debugListener(`compiled function '${fn.name}'`, backend));
  const { plan, externals, times: planTimes } = planGraph(roots, { replaces, listen });
  const { executable, times: codeTimes } = preparePlan(backend, plan, listen);
  const times = { recording: recordingTime, ...planTimes, ...codeTimes };
  listen?.('times', () => formatTimes(times));
  return {
    backend,
    plan,
    executable,
    times,
    allocations: [],
    bindings: externals.map(bind),
    randomKey: externals.some((external) => external.kind === 'storage' && external.storage === randomKey)
      ? randomKey
      : null,
    outputs: recording.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    rebuild: recording.rebuild,
  };
}

function bind(external: External): Binding {
  switch (external.kind) {
    case 'storage': {
      const { storage } = external;
      return storage.cell === null ? { kind: 'storage', storage } : { kind: 'cell', cell: storage.cell, storage };
    }
    case 'input':
      return external;
    case 'root':
      return { kind: 'output', index: external.index };
    default:
      return external satisfies never;
  }
}

/** The current storage of a captured tensor, which may have been assigned since the recording. */
function currentStorage(cell: StateCell | undefined, recorded: Storage): Storage {
  const storage = cell === undefined ? recorded : (realizedStorage(cell.node) ?? recorded);
  if (storage.length !== recorded.length || storage.backend !== recorded.backend)
    throw new Error('compile: a tensor that the function uses was moved to another backend since it was recorded');
  return storage;
}

async function run(program: Program, inputs: readonly Tensor[], scope: Set<Storage> | null): Promise<unknown> {
  const { backend, bindings, outputs, randomKey, executable } = program;
  if (randomKey !== null) backend.write(allocationOf(randomKey), getDefaultGenerator().nextKey());
  const results = outputs.map(
    ({ dtype, shape }) =>
      new Storage(backend, dtype, sizeOf(shape), { allocation: backend.allocate(sizeOf(shape) * bytesOf(dtype)) }),
  );
  program.allocations = bindings.map((binding) => {
    switch (binding.kind) {
      case 'cell':
        return allocationOf(currentStorage(binding.cell.deref(), binding.storage));
      case 'storage':
        return allocationOf(binding.storage);
      case 'input':
        return allocationOf(computedStorage(nth(inputs, binding.index).node));
      case 'output':
        return allocationOf(nth(results, binding.index));
      default:
        return binding satisfies never;
    }
  });
  for (const result of results) trackStorage(result, scope);
  await executable.run(program.allocations);
  return program.rebuild(results.map((storage, k) => Tensor.fromNode(graph.buffer(storage, nth(outputs, k).shape))));
}
