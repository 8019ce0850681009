/** Compiled functions: a function is recorded once for each combination of argument shapes, planned, and replayed. */

import type { NamedRoot } from './graph/format-graph.ts';
import * as graph from './graph/graph.ts';
import { type Node, orderNodes, withOrigins } from './graph/node.ts';
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
import { runFinalizers } from './kernel/garbage.ts';
import { nth } from './kernel/nth.ts';
import type { Plan } from './kernel/plan.ts';
import { type Shape, sizeOf } from './kernel/shape.ts';
import { getDefaultGenerator, withRandomKey } from './random/generator.ts';
import { Moment } from './runtime/assignments.ts';
import { checkRun } from './runtime/checked.ts';
import { ProgramCache } from './runtime/execute.ts';
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
import { refuseChanges } from './runtime/recorded-changes.ts';
import { droppable, type Recorder, refuseWhileRecording, type StateCell, withRecording } from './runtime/recording.ts';
import { currentScope, type Scope, trackStorage } from './runtime/scope.ts';
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
  /**
   * Records the function once more and compares: a number or data from outside that the function reads, and that has changed since the
   * program was recorded, is an error, because the program goes on with the old value. Nothing is executed. With `check`, this happens by
   * itself from time to time.
   *
   * @throws Error that names the constant, its old and its new value, the operation that uses it, and its line
   */
  verify(...args: A): Promise<void>;
  /** Frees the programs. The function can still be called; it is then recorded again. */
  dispose(): void;
}

/** Options of `compile`. */
export interface CompileOptions {
  /**
   * Checks every run, before anything is changed: indices must be in range, and no operation may make a NaN or an infinity from finite
   * values. The error names the operation, the module and the line in the code that called it. The function is also recorded again in its
   * first calls, and later from time to time, and compared: see `verify`. The results are the same, bit for bit, but a step takes several
   * times as long. Default: false, which costs nothing.
   */
  readonly check?: boolean;
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
  /** See `recordedWhile`. */
  readonly conditions: readonly (() => boolean)[];
}

/** Where the memory of an external buffer comes from at each run. */
type Binding =
  | { readonly kind: 'cell'; readonly cell: StateCell; readonly storage: Storage }
  | { readonly kind: 'storage'; readonly storage: Storage }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number };

interface Program extends CompiledProgram {
  allocations: Allocation[];
  /** The nodes that the program computes, as they were recorded. */
  readonly roots: readonly NamedRoot[];
  /** The key of the random numbers in the recorded graph. */
  readonly key: Node;
  /** Keeps the programs of the single operations of checked runs; null if runs are not checked. */
  readonly checks: ProgramCache | null;
  /** Whether the function would still be recorded as this program; see `recordedWhile`. */
  readonly holds: () => boolean;
  /** The number of calls. */
  calls: number;
  /** The number of calls that have not finished. */
  users: number;
  /** Whether the program is disposed of as soon as it is not used. */
  retired: boolean;
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

/** Lets go of a program. Calls that wait for it finish first. */
function retire(program: Program): void {
  program.retired = true;
  if (program.users > 0) return;
  program.executable.dispose();
  program.checks?.dispose();
}

function release(program: Program): void {
  program.users--;
  if (program.retired) retire(program);
}

/** One call: the arguments as they were at that time. */
interface Call<A> {
  readonly args: A;
  readonly inputs: readonly Node[];
  readonly key: string;
  readonly moment: Moment;
}

/**
 * Compiles a function into one plan: after the first call no graph is built, no code is generated, and only the results are allocated.
 *
 * Tensors among the arguments (also in arrays and objects) are inputs. Everything else in the arguments becomes part of the program, so
 * pass a number that changes from call to call as a tensor: each new combination of shapes, dtypes and other values is recorded again. A
 * number that the function reads from outside is part of the program too, for ever: `verify`, and `check` by itself, find one that has
 * changed.
 * The result must consist of tensors, arrays and objects. Values cannot be read inside the function. Tensors captured from outside are
 * read at each run. `assign` inside the function takes effect at its end, in place: the new value is written to the memory of the old
 * one. Random numbers are new at each run (see `Generator`).
 *
 * Calls run one after the other, each with the values that its tensors have when it is called. Indices are not checked (see
 * `CompileOptions.check`).
 */
export function compile<A extends unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): CompiledFunction<A, R> {
  const programs = new Map<string, Program>();
  const recorded: RecordedFunction<A> = { fn, checked: options.check ?? false };

  /** The program of a key, unless the function must be recorded again. */
  const current = (key: string): Program | undefined => {
    const program = programs.get(key);
    if (program === undefined || program.holds()) return program;
    programs.delete(key);
    retire(program);
    return undefined;
  };

  const keep = (key: string, program: Program): Program => {
    if (programs.size >= keptPrograms) {
      const [oldest, old] = programs.entries().next().value as [string, Program];
      programs.delete(oldest);
      retire(old);
    }
    programs.set(key, program);
    return program;
  };

  /** Passes the program for these arguments to `use`. `listen` is told of the program's forms if it is made now. */
  const withProgram = async <T>(
    args: A,
    use: (program: Program, call: Call<A>, isNew: boolean) => Promise<T>,
    listen: FormListener | null = null,
  ): Promise<T> => {
    refuseWhileRecording('compile: a compiled function was called while another is recorded; call the plain function');
    const { tensors, key } = flattenTensors(args);
    const call = { args, inputs: tensors.map(({ node }) => node), key, moment: new Moment() };
    try {
      // Compute state that was assigned outside, and arguments that were not computed yet.
      await realizeNodes(call.inputs);
      const backend = findBackend(call.inputs) ?? getBackend();
      const fullKey = `${backendNumber(backend)} ${key}`;
      let isNew = false;
      const program =
        current(fullKey) ??
        (await inTurn(async () => {
          // An earlier call may have made it in the meantime.
          const known = current(fullKey);
          if (known !== undefined) return known;
          isNew = true;
          return keep(fullKey, await build(backend, recorded, call, listen));
        }));
      program.users++;
      try {
        return await use(program, call, isNew);
      } finally {
        release(program);
      }
    } finally {
      call.moment.end();
    }
  };

  const call = (...args: A): Promise<R> => {
    const scope = currentScope();
    const body = (program: Program, call: Call<A>): Promise<R> =>
      inTurn(async () => {
        program.calls++;
        if (recorded.checked && isDue(program.calls)) await compareRecordings(program, recorded, call);
        return run(program, call, scope);
      }) as Promise<R>;
    return droppable(withProgram(args, body));
  };
  return Object.assign(call, {
    program: (...args: A) => droppable(withProgram(args, async (program) => program)),
    explain: (...args: A) => {
      const forms = new Map<string, string>();
      const listen: FormListener = (form, text) => forms.set(form, text());
      const explained = async (program: Program, call: Call<A>, isNew: boolean): Promise<Explanation> => {
        let { times } = program;
        if (!isNew) {
          // A program keeps none of its forms but the plan.
          const again = await inTurn(() => build(program.backend, recorded, call, listen));
          ({ times } = again);
          retire(again);
        }
        return explanation((form) => forms.get(form) ?? '', times);
      };
      return droppable(withProgram(args, explained, listen));
    },
    verify: (...args: A) =>
      droppable(withProgram(args, (program, call) => inTurn(() => compareRecordings(program, recorded, call)))),
    dispose: () => {
      for (const program of programs.values()) retire(program);
      programs.clear();
    },
  });
}

/** The function to record, and whether its runs are checked. */
interface RecordedFunction<A extends unknown[]> {
  readonly fn: (...args: A) => unknown;
  readonly checked: boolean;
}

/** In checked mode the function is recorded again in these calls: 2 to 8, 16, 32, 64, ... The first has just recorded it. */
const isDue = (calls: number): boolean => calls > 1 && (calls <= 8 || (calls & (calls - 1)) === 0);

/** Records the function again, and throws if the program would be another. */
async function compareRecordings<A extends unknown[]>(
  { roots, key }: Program,
  { fn }: RecordedFunction<A>,
  { args, moment }: Call<A>,
): Promise<void> {
  const { outputs, assigned } = moment.run(() => withOrigins(() => record(fn, args, key)));
  const now = [...outputs, ...assigned.map(({ storage }) => pendingNode(storage))];
  await refuseChanges(
    fn.name,
    roots.map(({ node }) => node),
    now,
  );
}

function record<A extends unknown[]>(fn: (...args: A) => unknown, args: A, key: Node): Recording {
  const { tensors, rebuild } = flattenTensors(args);
  const inputs = tensors.map(({ shape, dtype }, index) => Tensor.fromNode(graph.input(index, shape, dtype)));
  const assigned = new Map<Tensor, AssignedCell>();
  const conditions: (() => boolean)[] = [];
  const recorder: Recorder = {
    assigned(cell, storage) {
      const known = assigned.get(cell as Tensor);
      if (known === undefined) assigned.set(cell as Tensor, { cell: cell as Tensor, before: cell.node, storage });
      else known.storage = storage;
    },
    holdsWhile(condition) {
      conditions.push(condition);
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
      conditions,
    };
  } finally {
    for (const { cell, before } of assigned.values()) cell.node = before;
  }
}

/** Whether the tensor's value is stored in memory of its own, which a program may overwrite. */
const isOwnState = ({ cell, before }: AssignedCell): boolean =>
  before.op === 'buffer' && before.arg.storage.pending === null && before.arg.storage.cell === cell;

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
  readonly key: Node;
}

/** Runs the function on a graph's inputs, a second time where state had to get memory of its own first. */
async function recordProgram<A extends unknown[]>(
  backend: Backend,
  { fn, checked }: RecordedFunction<A>,
  { args, moment }: Call<A>,
): Promise<RecordedProgram> {
  const randomKey = storeArray(backend, 'i32', new Int32Array(2));
  const key = graph.buffer(randomKey, [2]);
  const recordNow = (): Recording =>
    moment.run(() => (checked ? withOrigins(() => record(fn, args, key)) : record(fn, args, key)));
  let recording = recordNow();
  const waiting = waitingState(recording, key);
  if (waiting.length > 0) await realizeNow(waiting);
  const shared = recording.assigned.filter((entry) => !isOwnState(entry));
  if (shared.length > 0) {
    // The values of these cells are constants, or belong to other nodes: they get memory of their own, and the function is recorded again.
    moment.run(() => {
      for (const { cell } of shared) cell.assign(Tensor.fromNode(cell.node));
    });
    await realizeNow([]);
    recording = recordNow();
  }
  const { outputs } = recording;
  // A cell without a value of its own was created by this recording, as each one creates its own: its new value is only read in here.
  const assigned = recording.assigned.filter(({ before }) => realizedStorage(before) !== undefined);
  const roots = [
    ...outputs.map((node, k) => ({ node, use: `return ${k}` })),
    ...assigned.map(({ cell, storage }) => ({
      node: pendingNode(storage),
      use: `assign to ${cell.name === undefined ? 'a tensor' : `'${cell.name}'`}`,
    })),
  ];
  const replaces = new Map(assigned.map(({ before }, k) => [outputs.length + k, computedStorage(before)] as const));
  return { recording, roots, replaces, randomKey, key };
}

async function build<A extends unknown[]>(
  backend: Backend,
  recorded: RecordedFunction<A>,
  call: Call<A>,
  listener: FormListener | null,
): Promise<Program> {
  const start = performance.now();
  backend.warmUp?.();
  const { recording, roots, replaces, randomKey, key } = await recordProgram(backend, recorded, call);
  const recordingTime = performance.now() - start;
  const listen = joinListeners(listener, debugListener(`compiled function '${recorded.fn.name}'`, backend));
  const planned = planGraph(roots, { replaces, listen });
  const { plan, externals, times: planTimes } = planned;
  const { executable, times: codeTimes } = preparePlan(backend, planned, listen);
  const times = { recording: recordingTime, ...planTimes, ...codeTimes };
  listen?.('times', () => formatTimes(times));
  return {
    backend,
    plan,
    executable,
    times,
    allocations: [],
    roots,
    key,
    checks: recorded.checked ? new ProgramCache(4096) : null,
    holds: () => recording.conditions.every((condition) => condition()),
    calls: 0,
    users: 0,
    retired: false,
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
function currentStorage(cell: StateCell, recorded: Storage): Storage {
  const storage = realizedStorage(cell.node) ?? recorded;
  if (storage.length !== recorded.length || storage.backend !== recorded.backend)
    throw new Error('compile: a tensor that the function uses was moved to another backend since it was recorded');
  return storage;
}

async function run(program: Program, call: Call<unknown>, scope: Scope | null): Promise<unknown> {
  const { backend, bindings, outputs, randomKey, executable, checks } = program;
  if (randomKey !== null) backend.write(allocationOf(randomKey), getDefaultGenerator().nextKey());
  const inputStorage = (index: number): Storage => computedStorage(nth(call.inputs, index));
  const cells = call.moment.run(() =>
    bindings.map((binding) => (binding.kind === 'cell' ? currentStorage(binding.cell, binding.storage) : null)),
  );
  if (checks !== null) {
    const current = new Map(bindings.map((binding, k) => ['storage' in binding ? binding.storage : null, cells[k]]));
    const storageOf = (leaf: Node): Storage => {
      if (leaf.op === 'input') return inputStorage(leaf.arg.index);
      const storage = computedStorage(leaf);
      return current.get(storage) ?? storage;
    };
    const roots = program.roots.map(({ node }) => node);
    await checkRun({ backend, roots, storageOf, programs: checks });
  }
  const results = outputs.map(
    ({ dtype, shape }) =>
      new Storage(backend, dtype, sizeOf(shape), { allocation: backend.allocate(sizeOf(shape) * bytesOf(dtype)) }),
  );
  program.allocations = bindings.map((binding, k) => {
    switch (binding.kind) {
      case 'cell': {
        const storage = cells[k] ?? binding.storage;
        // The program may write other values.
        storage.range = null;
        return allocationOf(storage);
      }
      case 'storage':
        return allocationOf(binding.storage);
      case 'input':
        return allocationOf(inputStorage(binding.index));
      case 'output':
        return allocationOf(nth(results, binding.index));
      default:
        return binding satisfies never;
    }
  });
  for (const result of results) trackStorage(result, scope);
  await executable.run(program.allocations);
  await runFinalizers();
  return program.rebuild(results.map((storage, k) => Tensor.fromNode(graph.buffer(storage, nth(outputs, k).shape))));
}
