/** Which line of the user's code made a node: the first line of a stack that does not belong to Tessera's own packages. */

/** Where something was made. The text of the stack is written only when it is read. */
export type Trace = Error;

/** Enough to leave a layer inside of a layer. */
const frames = 40;

/** Notes where the caller is: a few microseconds. */
export function captureTrace(): Trace {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = frames;
  const trace = new Error('here');
  Error.stackTraceLimit = stackTraceLimit;
  return trace;
}

/** The folder of all packages: `.../packages/` in the repository, `.../node_modules/@tessera/` where they are installed; null in a bundle. */
const packages = /^(.*\/)tensor\/(?:src|dist)\/graph\/[^/]*$/.exec(import.meta.url)?.[1] ?? null;

const ownPackage = /^(?:tensor|autograd|nn|models|train)\/(?:src|dist)\/(?!testing\/)(?!.*\.(?:test|case)\.[jt]s)/;

const withoutScheme = (place: string): string => place.replace(/^file:\/\//, '');

/** The place in one line of a stack, `FILE:LINE:COLUMN`; null for lines without a place, and for Node's own. */
function placeIn(line: string): string | null {
  // V8 writes `at name (place)` or `at place`, other engines `name@place`.
  const place = /(?:\(|at (?:async )?|@)((?:file:|https?:|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?\s*$/.exec(line)?.[1];
  return place === undefined || place.includes('node:internal') ? null : place;
}

/** `FILE:LINE:COLUMN` of the user's code; null if the stack shows none. */
export function userLine(trace: Trace | null): string | null {
  if (packages === null || trace === null) return null;
  const base = withoutScheme(packages);
  for (const line of (trace.stack ?? '').split('\n')) {
    const place = placeIn(line);
    if (place === null) continue;
    const path = withoutScheme(place);
    if (path.startsWith(base) && ownPackage.test(path.slice(base.length))) continue;
    return path;
  }
  return null;
}

/** Where something was made, as the end of a message: `; in 'encoder.0'; made at FILE:LINE:COLUMN`. */
export function formatPlace(scope: string, trace: Trace | null): string {
  const line = userLine(trace);
  return `${scope === '' ? '' : `; in '${scope}'`}${line === null ? '' : `; made at ${line}`}`;
}
