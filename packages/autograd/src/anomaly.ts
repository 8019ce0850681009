/** `detectAnomaly`: finds the operation whose derivative made the first NaN. */
import { formatShape, isFloat, isRecording, sizeOf, Tensor } from '@tessera/tensor';
import {
  addCheck,
  type Check,
  firstOf,
  formatOperation,
  formatPlace,
  graph,
  type Node,
  noteOrigins,
  originOf,
} from '@tessera/tensor/graph';
import { at } from './at.ts';

let active = 0;

/** Whether derivatives are to be looked at. A compiled function is looked at by its own option, `check`. */
export const isDetecting = (): boolean => active > 0 && !isRecording();

/**
 * Runs `body`, which may be asynchronous, as with PyTorch's `torch.autograd.detect_anomaly`: every call of `grad`, `backward`, `vjp` and the
 * like inside looks for NaN in the gradients that it makes. The error names the operation of the forward pass whose derivative made the
 * first one, its module, and the line that called it. Operations inside take several times as long. Forward and backward pass must
 * both be inside. For compiled functions, use `compile(f, { check: true })`.
 *
 * The error is thrown by the call that makes the gradients; on backends that cannot block, such as WebGPU, where a gradient is read.
 *
 * @throws Error at the first NaN in a gradient
 */
export function detectAnomaly<T>(body: () => T): T {
  active++;
  const stopNoting = noteOrigins();
  const stop = (): void => {
    active--;
    stopNoting();
  };
  let result: T;
  try {
    result = body();
  } catch (error) {
    stop();
    throw error;
  }
  if (!(result instanceof Promise)) {
    stop();
    return result;
  }
  return result.finally(stop) as T;
}

/** One step of the reverse walk: the gradients that the derivative of `node` sends to its sources. */
export interface BackwardStep {
  readonly node: Node;
  readonly sent: readonly (Node | null)[];
}

/** One gradient with the step that sent it. */
interface Sent {
  readonly node: Node;
  readonly source: number;
  readonly gradient: Node;
}

/** i32 [1]: 1 if there is a NaN in the values, else 0. */
function hasNaN(values: Node): Node {
  const flat = graph.reshape(values, [sizeOf(values.shape)]);
  const equal = graph.cast(graph.binary('eq', flat, flat), 'i32');
  // NaN is the only number that is not equal to itself.
  return graph.reduce(
    'max',
    graph.binary('add', graph.constant(1, equal.shape, 'i32'), graph.unary('neg', equal)),
    [0],
  );
}

function errorOf({ node, source, gradient }: Sent): Error {
  const origin = originOf(node);
  const place = formatPlace(node.scope, origin?.trace ?? null);
  const hint = origin === null ? '; run the forward pass inside of detectAnomaly too, to see where it was made' : '';
  return new Error(
    `detectAnomaly: the backward pass of ${formatOperation(node)} made NaN in the gradient of its operand ${source}, ` +
      `${gradient.dtype} ${formatShape(gradient.shape)}${place}${hint}`,
  );
}

/** Looks for NaN in what a reverse walk made: at once where the backend can block, else when one of `results` is computed. */
export function lookForNaN(steps: readonly BackwardStep[], results: readonly (Node | null)[]): void {
  const all: Sent[] = steps.flatMap(({ node, sent }) =>
    sent.flatMap((gradient, source) =>
      gradient !== null && isFloat(gradient.dtype) && sizeOf(gradient.shape) > 0 ? [{ node, source, gradient }] : [],
    ),
  );
  if (all.length === 0) return;
  const flags = graph.concat(
    all.map(({ gradient }) => hasNaN(gradient)),
    0,
  );
  const flagOf = (values: Node): Node => firstOf(graph.cast(values, 'bool'));
  let passed = false;
  const check: Check = {
    flag: flagOf(flags),
    flagOf,
    subject: flags,
    get passed() {
      return passed;
    },
    pass: () => {
      passed = true;
    },
    error: (flag) => errorOf(at(all, all.length - flag)),
  };
  let found: number;
  try {
    found = Tensor.fromNode(check.flag).itemSync();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'CannotBlockError') throw error;
    for (const result of results) if (result !== null) addCheck(result, check);
    return;
  }
  if (found !== 0) throw check.error(found, []);
}
