/**
 * Runs a lowered plan. Each sequence of consecutive kernels that gpu.js can run becomes one gpu.js pipeline: values between its kernels
 * stay inside (in one WebAssembly memory, or in device buffers with a single submission), and only values that are needed outside are
 * returned.
 */
import type { Allocation, Executable, GeneratedCode } from '../../kernel/backend.ts';
import { allocateArray, type TypedArray, viewArray } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import { memoryOf } from '../host-memory.ts';
import { runKernel } from '../interpret-kernels.ts';
import { specialNumbers } from './cell-code.ts';
import type { GpuJs, GpuJsPipeline } from './library.ts';
import type { CellKernel, LoweredPlan, Slot, SlotInfo, SlowKernel, Step } from './steps.ts';
import { flatten, HeldValue, type KernelResult } from './values.ts';

type CellStep = Extract<Step, { kind: 'cells' }>;
type HostStep = Extract<Step, { kind: 'host' }>;

interface Stretch {
  readonly kind: 'pipeline';
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly pipeline: GpuJsPipeline;
}

type KernelFunction = (...values: readonly unknown[]) => unknown;

const special = Float32Array.from(specialNumbers);

/** How many iterations gpu.js allows by default in a loop without a constant bound. */
const defaultLoopTurns = 1000;

interface LiveStep {
  readonly step: Step;
  /** The slots that later steps read, or that end up in external memory. */
  readonly needed: ReadonlySet<Slot>;
}

/**
 * The steps whose results are used, in their order. A result without a reader is possible: a slice without elements reads nothing of its
 * operand. gpu.js refuses a pipeline that returns nothing, so such steps must not remain.
 */
function liveSteps(plan: LoweredPlan): LiveStep[] {
  const needed = new Set(plan.final.map(({ slot }) => slot));
  const live: LiveStep[] = [];
  for (const step of plan.steps.toReversed()) {
    const writes = step.kind === 'cells' ? [step.output] : step.writes.map(([, slot]) => slot);
    if (!writes.some((slot) => needed.has(slot))) continue;
    live.push({ step, needed: new Set(needed) });
    const reads = step.kind === 'cells' ? step.inputs : step.reads.map(([, slot]) => slot);
    for (const slot of reads) needed.add(slot);
  }
  return live.reverse();
}

export class GpujsExecutable implements Executable {
  readonly #plan: LoweredPlan;
  readonly #gpu: GpuJs;
  readonly #parts: (Stretch | HostStep)[] = [];
  readonly #slowKernels: SlowKernel[];
  readonly #expected: string;
  #checked = false;

  /** `expected`: the mode in which gpu.js should run; if it uses another one, that is reported in `slowKernels`. */
  constructor(gpu: GpuJs, plan: LoweredPlan, expected: string) {
    this.#plan = plan;
    this.#gpu = gpu;
    this.#expected = expected;
    this.#slowKernels = [...plan.slowKernels];
    const functions = new Map<string, KernelFunction>();
    const steps = liveSteps(plan);
    let stretch: CellStep[] = [];
    const close = (end: number): void => {
      const needed = steps[end - 1]?.needed;
      if (stretch.length > 0 && needed !== undefined) this.#parts.push(this.#pipeline(stretch, needed, functions));
      stretch = [];
    };
    for (const [k, { step }] of steps.entries()) {
      if (step.kind === 'cells') stretch.push(step);
      else {
        close(k);
        this.#parts.push(step);
      }
    }
    close(steps.length);
  }

  get slowKernels(): readonly SlowKernel[] {
    return this.#slowKernels;
  }

  code(): GeneratedCode[] {
    return this.#plan.steps.map((step) => {
      const { name } = step.kernel;
      const text = step.kind === 'cells' ? step.kernel.source : '// interpreted on the host: see slowKernels';
      return { name, language: 'JavaScript', text, bytes: text.length };
    });
  }

  /** The number of gpu.js pipelines that a run calls. */
  get pipelines(): number {
    return this.#parts.filter(({ kind }) => kind === 'pipeline').length;
  }

  /** How gpu.js runs each pipeline: `fused-...`, or `generic` for one kernel at a time. Known after the first run. */
  get executors(): readonly string[] {
    return this.#parts.flatMap((part) => (part.kind === 'pipeline' ? [part.pipeline.executorKind] : []));
  }

  #function(kernel: CellKernel, functions: Map<string, KernelFunction>): KernelFunction {
    const key = `${kernel.output.join('x')} ${kernel.source}`;
    let known = functions.get(key);
    if (known === undefined) {
      const created = this.#gpu.createKernel(kernel.source, { output: [...kernel.output], precision: 'single' });
      if (kernel.loopTurns > defaultLoopTurns) created.setLoopMaxIterations(kernel.loopTurns);
      known = created as unknown as KernelFunction;
      functions.set(key, known);
    }
    return known;
  }

  #pipeline(steps: readonly CellStep[], needed: ReadonlySet<Slot>, functions: Map<string, KernelFunction>): Stretch {
    const made = new Set(steps.map(({ output }) => output));
    const inputs = [...new Set(steps.flatMap((step) => step.inputs))].filter((slot) => !made.has(slot));
    const outputs = [...made].filter((slot) => needed.has(slot));
    const orchestrate = (...handles: readonly unknown[]): Record<string, unknown> => {
      const values = new Map(inputs.map((slot, k) => [slot, handles[k]]));
      for (const { kernel, inputs: read, output } of steps) {
        const given = read.map((slot) => values.get(slot));
        if (kernel.usesSpecial) given.push(special);
        values.set(output, this.#function(kernel, functions)(...given));
      }
      return Object.fromEntries(outputs.map((slot) => [`s${slot}`, values.get(slot)]));
    };
    // gpu.js creates one handle for each parameter that the function declares.
    Object.defineProperty(orchestrate, 'length', { value: inputs.length });
    return { kind: 'pipeline', inputs, outputs, pipeline: this.#gpu.createPipeline(orchestrate) };
  }

  async run(externals: readonly Allocation[]): Promise<void> {
    const { slots, initial, final } = this.#plan;
    const held = new Map<Slot, HeldValue>();
    const info = (slot: Slot): SlotInfo => nth(slots, slot);
    const value = (slot: Slot): HeldValue => {
      const known = held.get(slot);
      if (known === undefined) throw new Error(`gpujs: slot ${slot} is read before it is computed`);
      return known;
    };
    const memory = (external: number, { dtype, length }: SlotInfo): TypedArray =>
      viewArray(dtype, memoryOf(nth(externals, external)), 0, length);
    for (const { slot, external } of initial)
      held.set(slot, new HeldValue(info(slot), { values: memory(external, info(slot)) }));
    for (const part of this.#parts) {
      if (part.kind === 'host') runOnHost(part, info, value, held);
      else {
        const inputs = part.inputs.map((slot) => value(slot).cells);
        const results = (await part.pipeline(...inputs)) as Readonly<Record<string, KernelResult>>;
        for (const slot of part.outputs)
          held.set(slot, new HeldValue(info(slot), { cells: flatten(resultOf(results, slot)) }));
      }
    }
    // A value may be a view of external memory: read all of them before any of that memory is overwritten.
    const stored = final.map(({ slot, external }) => ({ external, info: info(slot), values: value(slot).values }));
    for (const { external, info: target, values } of stored) memory(external, target).set(values);
    this.#noteDegradation();
  }

  /** gpu.js falls back to slower modes without an error; its reason is reported in `slowKernels`. */
  #noteDegradation(): void {
    if (this.#checked) return;
    this.#checked = true;
    for (const part of this.#parts) {
      if (part.kind !== 'pipeline' || part.pipeline.backend === this.#expected) continue;
      const reason = part.pipeline.fallbackReason ?? 'gpu.js reports no reason';
      this.#slowKernels.push({
        kernel: 'pipeline',
        reason: `gpu.js runs it in mode ${part.pipeline.backend}: ${reason}`,
      });
    }
  }

  dispose(): void {
    for (const part of this.#parts) if (part.kind === 'pipeline') part.pipeline.destroy().catch(() => {});
    this.#parts.length = 0;
  }
}

function resultOf(results: Readonly<Record<string, KernelResult>>, slot: Slot): KernelResult {
  const result = results[`s${slot}`];
  if (result === undefined) throw new Error(`gpujs: the pipeline of gpu.js did not return slot ${slot}`);
  return result;
}

/** Runs one kernel with the interpreter of kernels. */
function runOnHost(
  { kernel, reads, writes }: HostStep,
  info: (slot: Slot) => SlotInfo,
  value: (slot: Slot) => HeldValue,
  held: Map<Slot, HeldValue>,
): void {
  const buffers: TypedArray[] = [];
  for (const [buffer, slot] of reads) buffers[buffer] = value(slot).values;
  for (const [buffer, slot] of writes) {
    const before = buffers[buffer];
    const { dtype, length } = info(slot);
    const after = before === undefined ? allocateArray(dtype, length) : before.slice();
    buffers[buffer] = after;
    held.set(slot, new HeldValue(info(slot), { values: after }));
  }
  runKernel(kernel, buffers);
}
