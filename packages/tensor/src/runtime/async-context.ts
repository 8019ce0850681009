/**
 * A value that code sees while a function runs, whoever called whom: Node's AsyncLocalStorage, or TC39's AsyncContext where an engine
 * has it. Both follow a function across its `await`s.
 *
 * Browsers have neither yet. There the value is seen until the function returns, that is up to its first `await`; what runs later sees
 * none. Nothing better is possible without the engine: between two `await`s of one function, others run.
 */
export interface ContextVariable<T> {
  /** The value given to the innermost `run` around the caller. */
  get(): T | undefined;
  run<R>(value: T, body: () => R): R;
}

interface AsyncContextGlobal {
  readonly AsyncContext?: { readonly Variable: new <T>() => ContextVariable<T> };
}

export function contextVariable<T>(): ContextVariable<T> {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') {
    const storage = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<T>();
    return { get: () => storage.getStore(), run: (value, body) => storage.run(value, body) };
  }
  const { AsyncContext } = globalThis as AsyncContextGlobal;
  return AsyncContext === undefined ? synchronousVariable() : new AsyncContext.Variable<T>();
}

/** The variable where nothing follows an `await`. */
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
