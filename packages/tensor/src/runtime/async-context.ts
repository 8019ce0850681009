/**
 * A value that is visible to everything that a function calls: Node's AsyncLocalStorage, or TC39's AsyncContext where an engine has it.
 * Both follow a function across its `await`s.
 *
 * Browsers have neither yet. There the value is visible until the function returns, that is, up to its first `await`. More is not
 * possible without the engine: between two `await`s of one function, other code runs.
 */
export interface ContextVariable<T> {
  /** The value of the innermost `run` around the caller. */
  get(): T | undefined;
  run<R>(value: T, body: () => R): R;
}

interface AsyncContextGlobal {
  readonly AsyncContext?: { readonly Variable: new <T>() => ContextVariable<T> };
}

/** A variable that follows functions across `await`, if the engine can do that. */
export function contextVariable<T>(): ContextVariable<T> {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') {
    const storage = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<T>();
    return { get: () => storage.getStore(), run: (value, body) => storage.run(value, body) };
  }
  const { AsyncContext } = globalThis as AsyncContextGlobal;
  return AsyncContext === undefined ? synchronousVariable() : new AsyncContext.Variable<T>();
}

/** The variable for engines that cannot: it does not follow functions across `await`. */
export function synchronousVariable<T>(): ContextVariable<T> {
  let current: T | undefined;
  return {
    get: () => current,
    run(value, body) {
      const outer = current;
      current = value;
      try {
        return body();
      } finally {
        current = outer;
      }
    },
  };
}
