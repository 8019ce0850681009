/** What happens around every call of `forward`: hooks, names for printed programs, and errors that say in which module they came up. */
import { nameScope } from '@tessera/tensor';
import { captureTrace, userLine } from '@tessera/tensor/graph';
import { callWithHooks } from './hooks.ts';

interface Called {
  namedModules(): Iterable<readonly [name: string, module: object]>;
}

type Forward = (...inputs: readonly unknown[]) => unknown;

/** The modules whose `forward` is running, outermost first. */
const running: Called[] = [];

/** Where an error came up. */
interface Place {
  readonly path: string;
  line: string | null;
}

const places = new WeakMap<Error, Place>();

/** Calls `forward`. `path` is the module's name in printed programs, '' if it has none. */
export function callForward(module: Called, path: string, forward: Forward, inputs: readonly unknown[]): unknown {
  running.push(module);
  try {
    const call = (): unknown => callWithHooks(module, forward, inputs);
    return path === '' ? call() : nameScope(path, call);
  } catch (error) {
    if (error instanceof Error) locate(error, module);
    throw error;
  } finally {
    running.pop();
  }
}

/** Notes the innermost module and the user's line next to it. The outermost call adds them to the message. */
function locate(error: Error, module: Called): void {
  const known = places.get(error);
  const place = known ?? { path: pathOf(module), line: null };
  if (known === undefined) places.set(error, place);
  place.line ??= userLine(captureTrace());
  if (running.length > 1) return;
  places.delete(error);
  const text = ` (in ${place.path}${place.line === null ? '' : `; called from ${place.line}`})`;
  const { message, stack } = error;
  try {
    error.message = message + text;
    // The stack has a copy of the message.
    if (stack?.includes(message)) error.stack = stack.replace(message, () => message + text);
  } catch {
    // The message of such an error cannot be changed.
  }
}

/** `model.layer1.0.conv1`: the path below the outermost module. The outermost module itself is named by its class. */
function pathOf(module: Called): string {
  const [root = module] = running;
  if (root === module) return module.constructor.name;
  for (const [name, found] of root.namedModules()) if (found === module) return `model.${name}`;
  return `${module.constructor.name} in ${root.constructor.name}`;
}
