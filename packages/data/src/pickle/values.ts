/** The values of a pickle: only data. An instance of a class becomes an `InertObject`; no constructor is called. */
export type PickleValue =
  | (null | boolean | number | bigint | string | Uint8Array)
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | (Tuple | Global | InertObject | RuleValue);

/** Python's tuple. Unlike a list, a pickle cannot extend it. */
export class Tuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A class or function that the pickle refers to and that is allowed. */
export class Global {
  /** `module.name` */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** An instance of a class that only has attributes, such as `argparse.Namespace`. */
export class InertObject {
  readonly className: string;
  /** The instance's attributes. */
  state: PickleValue = null;

  constructor(className: string) {
    this.className = className;
  }
}

/** A value that the rules of a format make, such as a tensor. */
export abstract class RuleValue {
  /** What it is, for error messages: "a tensor". */
  abstract readonly what: string;
}

/** Describes a value for error messages. */
export function describeValue(value: PickleValue): string {
  if (value === null) return 'None';
  if (value instanceof Tuple) return `a tuple of ${value.items.length}`;
  if (value instanceof Map) return 'a dict';
  if (value instanceof Set) return 'a set';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Global) return value.name;
  if (value instanceof InertObject) return `an instance of ${value.className}`;
  if (value instanceof RuleValue) return value.what;
  return `a ${typeof value}`;
}
