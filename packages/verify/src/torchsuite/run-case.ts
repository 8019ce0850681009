/** Runs one case: calls Tessera as PyTorch was called, and compares values, gradients, second derivatives, shapes, dtypes and refusals. */
import { grad } from '@tessera/autograd';
import {
  compile,
  type DType,
  promote,
  realize,
  sameShape,
  type Tensor,
  type TypedArray,
  UnsupportedDTypeError,
} from '@tessera/tensor';
import { type Adapter, type Adapters, Unsupported, unsupported } from './adapters/call.ts';
import type { Family, TorchCase } from './case-files.ts';
import { compareValues, isExact } from './compare.ts';
import { constantOf, describeArguments, Leaves, storedTensor } from './decode.ts';
import type { Layout } from './layouts.ts';

/** A difference from PyTorch. */
export interface Problem {
  readonly id: string;
  readonly op: string;
  /** What differs: `out0`, `grad1`, `grad2_0`, `error`, `call`. */
  readonly what: string;
  readonly kind: string;
  readonly detail: string;
  readonly args: string;
}

/** `unsupported`: the form of the call has no equivalent; `refused`: it failed with a clear message. */
export type CaseResult =
  | { readonly outcome: 'passed' | 'failed' | 'refused'; readonly problems: readonly Problem[] }
  | { readonly outcome: 'unsupported'; readonly reason: string };

export interface CaseOptions {
  readonly adapters: Adapters;
  readonly layout: Layout;
  /** Through `compile`, with the differentiated tensors as arguments. */
  readonly compiled: boolean;
}

/** Errors of JavaScript itself, which a clear message would have come before. */
const ofTheEngine = /undefined|is not a function|Cannot read|not iterable|Maximum call|Invalid array length/;

type Report = (what: string, kind: string, detail: string) => void;

export async function runCase(
  torchCase: TorchCase,
  tensors: Family['tensors'],
  options: CaseOptions,
): Promise<CaseResult> {
  const problems: Problem[] = [];
  const report: Report = (what, kind, detail) => {
    const { id, op } = torchCase;
    problems.push({ id, op, what, kind, detail, args: describeArguments(torchCase, tensors) });
  };
  try {
    const adapter = options.adapters[torchCase.op] ?? unsupported('no adapter');
    if (torchCase.kwargs?.out !== undefined) unsupported('out=');
    if (torchCase.error === undefined) await checkResults(torchCase, tensors, adapter, options, report);
    else await checkRefusal(torchCase, torchCase.error, new Leaves(tensors, options.layout), adapter, report);
    return { outcome: problems.length === 0 ? 'passed' : 'failed', problems };
  } catch (error) {
    const missing = reasonMissing(error);
    if (missing !== null) return { outcome: 'unsupported', reason: missing };
    const { name, message } = error as Error;
    const isClear = error instanceof Error && !ofTheEngine.test(message);
    report('call', isClear ? 'refused' : 'throw', `${name}: ${message}`.slice(0, 400));
    return { outcome: isClear ? 'refused' : 'failed', problems };
  }
}

/** Why the case cannot be run here at all: its form has no equivalent, the backend lacks a dtype, or a compiled function cannot read. */
function reasonMissing(error: unknown): string | null {
  if (error instanceof Unsupported) return error.message;
  if (error instanceof UnsupportedDTypeError) return 'a dtype that the backend does not have';
  const { name, message } = error as Error;
  const isRecorded = message.startsWith('a value cannot be read while a compiled function is recorded');
  return isRecorded || name === 'CannotBlockError' ? 'reads values' : null;
}

const listOf = (result: ReturnType<Adapter>): (Tensor | null)[] => [result].flat().map((value) => value ?? null);

async function checkRefusal(
  torchCase: TorchCase,
  expected: string,
  leaves: Leaves,
  adapter: Adapter,
  report: Report,
): Promise<void> {
  const { args, kwargs } = leaves.argumentsOf(torchCase);
  try {
    const results = listOf(adapter(args, kwargs, () => {})).filter((value) => value !== null);
    const shown = await Promise.all(
      results.map(async (value) => `${value.dtype} [${value.shape}] = ${(await value.data()).slice(0, 6)}`),
    );
    report('error', 'not refused', `PyTorch: ${expected}; here: ${shown.join('; ')}`);
  } catch (error) {
    if (reasonMissing(error) !== null) throw error;
    const { name, message } = error as Error;
    if (ofTheEngine.test(message) || /null/.test(message))
      report('error', 'unclear refusal', `${name}: ${message}; PyTorch: ${expected}`);
  }
}

interface Expected {
  readonly what: string;
  readonly name: string;
  readonly alternative: string | undefined;
}

async function checkResults(
  torchCase: TorchCase,
  tensors: Family['tensors'],
  adapter: Adapter,
  { layout, compiled }: CaseOptions,
  report: Report,
): Promise<void> {
  const { out = [], wrt = [], grad: gradients = [], grad2: second = [], alt } = torchCase;
  const leaves = new Leaves(tensors, layout);
  const program = (...inputs: Tensor[]): (Tensor | null)[] => {
    wrt.forEach((name, k) => {
      const input = inputs[k];
      if (input !== undefined) leaves.set(name, input);
    });
    return describeProgram(torchCase, tensors, leaves, adapter);
  };
  const inputs = wrt.map((name) => leaves.get(name));
  // Modules and optimizers keep state: they are called as they are.
  const isCompiled = compiled && wrt.length > 0 && !/[a-z]:[A-Z]|^(bn|mha)-/.test(torchCase.op);
  const all = isCompiled ? await runCompiled(program, inputs) : program(...inputs);
  const outs = all.slice(0, all.length - gradients.length - second.length);
  if (outs.length !== out.length) report('out', 'count', `${outs.length} outputs instead of ${out.length}`);
  const expected: (Expected | null)[] = [
    ...outs.map((_, k) => expectation(`out${k}`, out[k], alt?.out[k])),
    ...gradients.map((name, k) => expectation(`grad${k}`, name, alt?.grad?.[k])),
    ...second.map((name, k) => expectation(`grad2_${k}`, name, undefined)),
  ];
  // All together; where that fails, each says so itself below.
  await realize(...all.filter((value) => value !== null)).catch(() => {});
  for (const [k, wanted] of expected.entries()) {
    const got = all[k] ?? null;
    if (got !== null && wanted !== null) await checkTensor(torchCase, tensors, got, wanted, report);
  }
}

const expectation = (what: string, name: string | undefined, alternative: string | undefined): Expected | null =>
  name === undefined ? null : { what, name, alternative };

/** Outputs, then gradients, then second derivatives. */
function describeProgram(
  torchCase: TorchCase,
  tensors: Family['tensors'],
  leaves: Leaves,
  adapter: Adapter,
): (Tensor | null)[] {
  const { wrt = [], cot = [], grad: gradients, grad2, v = [] } = torchCase;
  const { args, kwargs } = leaves.argumentsOf(torchCase);
  const outs = listOf(adapter(args, kwargs, (from, to) => leaves.rebind(from, to)));
  if (gradients === undefined) return outs;
  const variables = wrt.map((name) => leaves.get(name));
  const weighted = (values: readonly (Tensor | null)[], weights: readonly (string | null)[]): Tensor =>
    values
      .flatMap((value, k) => {
        const name = weights[k] ?? null;
        return value === null || name === null ? [] : [value.mul(constantOf(tensors, name)).sum()];
      })
      .reduce((total, term) => total.cast(promote(total.dtype, term.dtype)).add(term));
  const slopes = grad(weighted(outs, cot), variables, { allowUnused: true });
  const second = grad2 === undefined ? [] : grad(weighted(slopes, v), variables, { allowUnused: true });
  return [...outs, ...slopes, ...second];
}

/** The results of the compiled function; null where there is none. */
async function runCompiled(
  program: (...inputs: Tensor[]) => (Tensor | null)[],
  inputs: readonly Tensor[],
): Promise<(Tensor | null)[]> {
  let present: boolean[] = [];
  const compiled = compile((...given: Tensor[]) => {
    const results = program(...given);
    present = results.map((value) => value !== null);
    return results.filter((value) => value !== null);
  });
  const results = [...(await compiled(...inputs))];
  return present.map((is) => (is ? (results.shift() ?? null) : null));
}

async function checkTensor(
  { op, tol }: TorchCase,
  tensors: Family['tensors'],
  got: Tensor,
  { what, name, alternative }: Expected,
  report: Report,
): Promise<void> {
  const want = storedTensor(tensors, name);
  let values: TypedArray;
  try {
    values = await got.data();
  } catch (error) {
    if (reasonMissing(error) !== null) throw error;
    const { name: type, message } = error as Error;
    report(what, 'throw', `${type}: ${message}`.slice(0, 300));
    return;
  }
  if (!sameShape(got.shape, want.shape)) {
    report(what, 'shape', `[${got.shape}] instead of [${want.shape}]`);
    return;
  }
  const kind = tol ?? toleranceDType(got.dtype, want.dtype);
  const bits = what.startsWith('out') && isExact(op);
  const difference = compareValues(values, want.data, kind, op, bits);
  // Either PyTorch's result or the one in double precision, rounded, is right.
  const isRight =
    difference === null ||
    (alternative !== undefined &&
      compareValues(values, storedTensor(tensors, alternative).data, kind, op, bits) === null);
  if (!isRight) report(what, difference.kind, difference.detail);
  else if (got.dtype !== want.dtype) report(what, 'dtype', `${got.dtype} instead of ${want.dtype}`);
}

/** The dtype whose tolerance counts: the less precise one. */
const toleranceDType = (got: DType, want: DType): DType =>
  (want === 'f64' && got === 'f32') || got === 'f16' || got === 'bf16' ? got : want;
