/** JavaScript's operators and functions on traced values: known numbers are computed, places stay places, the rest becomes nodes. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat } from '../kernel/dtype.ts';
import * as ops from '../ops/index.ts';
import { align } from '../ops/operand.ts';
import { binaryMath, remainder, unaryMath } from './mathematics.ts';
import {
  addPlaces,
  floatOf,
  integerOf,
  type Mask,
  nodeValue,
  notMask,
  operandOf,
  type Place,
  scalePlace,
  type Value,
} from './values.ts';

type Operand = Node | number;

const known = (value: Value): value is number | boolean => typeof value !== 'object';
const isPlace = (value: Value): value is Place => typeof value === 'object' && value.kind === 'place';

function operand(value: Value): Operand {
  const result = operandOf(value);
  if (result === null) throw new TypeError('an array was found where a number was expected');
  return result;
}

/** Whether a value that is not an array counts as true in JavaScript. */
export function truth(value: Value): Mask {
  if (known(value)) return Boolean(value);
  const node = operand(value);
  if (typeof node === 'number') return node !== 0;
  return node.dtype === 'bool' ? node : ops.ne(node, 0);
}

const asMask = (node: Node): Value => nodeValue(node);

/** Truth values count as 0 and 1. */
const counted = (x: Operand): Operand => (typeof x !== 'number' && x.dtype === 'bool' ? integerOf(x) : x);

/** Two integers stay integers; an integer and anything else become floats of `dtype`. */
function numeric(a: Operand, b: Operand, dtype: DType): [Operand, Operand] {
  const [x, y] = [counted(a), counted(b)];
  const whole = (v: Operand): boolean => (typeof v === 'number' ? Number.isInteger(v) : !isFloat(v.dtype));
  if (whole(x) && whole(y)) return [x, y];
  const float = (v: Operand): Operand => (typeof v === 'number' ? v : floatOf(v, dtype));
  return [float(x), float(y)];
}

const floats = (a: Operand, b: Operand, dtype: DType): [Node, Node] => [
  floatOf(counted(a), dtype),
  floatOf(counted(b), dtype),
];

const numbers: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '**': (a, b) => a ** b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '===': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '!==': (a, b) => a !== b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
};

/** Keeps the sign: a negative number is shifted as the complement of its complement. */
function shiftRightSigned(a: Node, b: Node): Node {
  const inverted = ops.bitXor(ops.shiftRight(ops.bitXor(a, -1), b), -1);
  return ops.where(ops.lt(a, 0), inverted, ops.shiftRight(a, b));
}

/** Operands of a division that are both integers, i32, with a known divisor that is not 0; null for others. */
function integersBy(a: Operand, b: Operand): [Node, Node] | null {
  const x = counted(a);
  if (typeof x === 'number' || x.dtype !== 'i32') return null;
  return typeof b === 'number' && Number.isInteger(b) && b !== 0 && Math.abs(b) < 2 ** 31
    ? align('/', [x, b], 'i32')
    : null;
}

/** Quotients of integers, with what was divided: rounded to whole numbers they are exact, whatever their size. */
const wholeOperands = new WeakMap<Node, [Node, Node]>();

/** The floor, or with `truncated` the whole part, of a quotient of integers; null for other nodes. */
function wholeQuotient(x: Operand, truncated: boolean): Node | null {
  const integers = typeof x === 'number' ? undefined : wholeOperands.get(x);
  if (integers === undefined) return null;
  return truncated ? graph.binary('idiv', ...integers) : ops.floorDivide(...integers);
}

type NodeOperator = (a: Operand, b: Operand, dtype: DType) => Node;

const arithmetic =
  (compute: (a: Operand, b: Operand) => Node): NodeOperator =>
  (a, b, dtype) =>
    compute(...numeric(a, b, dtype));

const truncated = (x: Operand): Node => wholeQuotient(x, true) ?? integerOf(x);

const bits =
  (compute: (a: Node, b: Node) => Node): NodeOperator =>
  (a, b) =>
    compute(truncated(a), truncated(b));

const nodes: Readonly<Record<string, NodeOperator>> = {
  '+': arithmetic(ops.add),
  '-': arithmetic(ops.sub),
  '*': arithmetic(ops.mul),
  '/': (a, b, dtype) => {
    const quotient = ops.div(...floats(a, b, dtype));
    const integers = integersBy(a, b);
    if (integers !== null) wholeOperands.set(quotient, integers);
    return quotient;
  },
  '%': (a, b, dtype) => {
    const integers = integersBy(a, b);
    return integers === null ? remainder(...floats(a, b, dtype)) : graph.binary('mod', ...integers);
  },
  '**': (a, b, dtype) => power(a, b, dtype),
  '<': arithmetic(ops.lt),
  '>': arithmetic(ops.gt),
  '<=': arithmetic(ops.le),
  '>=': arithmetic(ops.ge),
  '==': arithmetic(ops.eq),
  '===': arithmetic(ops.eq),
  '!=': arithmetic(ops.ne),
  '!==': arithmetic(ops.ne),
  '&': bits(ops.bitAnd),
  '|': bits(ops.bitOr),
  '^': bits(ops.bitXor),
  '<<': bits(ops.shiftLeft),
  '>>': bits(shiftRightSigned),
  '>>>': bits(ops.shiftRight),
};

const power = (a: Operand, b: Operand, dtype: DType): Node =>
  ops.pow(floatOf(counted(a), dtype), typeof b === 'number' ? b : floatOf(counted(b), dtype));

function onPlaces(operator: string, a: Value, b: Value): Value | null {
  const whole = (value: Value): value is number => typeof value === 'number' && Number.isInteger(value);
  if (operator === '+') {
    if (isPlace(a) && (isPlace(b) || whole(b))) return addPlaces(a, b);
    if (whole(a) && isPlace(b)) return addPlaces(b, a);
  }
  if (operator === '-') {
    if (isPlace(a) && (isPlace(b) || whole(b))) return addPlaces(a, b, -1);
    const negated = isPlace(b) ? scalePlace(b, -1) : null;
    if (whole(a) && negated !== null && typeof negated !== 'number') return addPlaces(negated, a);
  }
  if (operator === '*') {
    if (isPlace(a) && whole(b)) return scalePlace(a, b);
    if (whole(a) && isPlace(b)) return scalePlace(b, a);
  }
  return null;
}

/** Applies a binary operator; null for one that kernels do not support. */
export function applyBinary(operator: string, a: Value, b: Value, dtype: DType): Value | null {
  if (known(a) && known(b)) return numbers[operator]?.(Number(a), Number(b)) ?? null;
  const place = onPlaces(operator, a, b);
  if (place !== null) return place;
  const compute = nodes[operator];
  return compute === undefined ? null : nodeValue(compute(operand(a), operand(b), dtype));
}

/** Applies a unary operator; null for one that kernels do not support. */
export function applyUnary(operator: string, value: Value, dtype: DType): Value | null {
  switch (operator) {
    case '!': {
      const mask = notMask(truth(value));
      return typeof mask === 'boolean' ? mask : asMask(mask);
    }
    case '+':
      return value;
    case '-':
      if (known(value)) return -Number(value);
      if (isPlace(value)) return scalePlace(value, -1);
      return applyBinary('*', value, -1, dtype);
    case '~':
      return applyBinary('^', value, -1, dtype);
    default:
      return null;
  }
}

export const mathConstants: Readonly<Record<string, number>> = {
  E: Math.E,
  LN2: Math.LN2,
  LN10: Math.LN10,
  LOG2E: Math.LOG2E,
  LOG10E: Math.LOG10E,
  PI: Math.PI,
  SQRT1_2: Math.SQRT1_2,
  SQRT2: Math.SQRT2,
};

const mathOfNumbers = Math as unknown as Readonly<Record<string, ((...values: number[]) => number) | number>>;

/** Calls a function of Math; null for one that kernels do not support. */
export function callMath(name: string, values: readonly Value[], dtype: DType): Value | null {
  const fn = mathOfNumbers[name];
  if (values.every(known)) return typeof fn === 'function' ? fn(...values.map(Number)) : null;
  if (name === 'max' || name === 'min') {
    const join = name === 'max' ? ops.maximum : ops.minimum;
    return values.reduce((a, b) => nodeValue(join(...numeric(operand(a), operand(b), dtype))));
  }
  if (name === 'hypot' && values.length > 2) return values.reduce((a, b) => callMath(name, [a, b], dtype) ?? a);
  const [a, b] = values.map(operand);
  if (a === undefined) return null;
  if (name === 'pow') return b === undefined ? null : nodeValue(power(a, b, dtype));
  if (name === 'imul') return b === undefined ? null : nodeValue(ops.mul(integerOf(a), integerOf(b)));
  if ((name === 'floor' || name === 'trunc') && b === undefined) {
    const whole = wholeQuotient(a, name === 'trunc');
    if (whole !== null) return nodeValue(whole);
  }
  const ofTwo = binaryMath[name];
  if (ofTwo !== undefined) return b === undefined ? null : nodeValue(ofTwo(...floats(a, b, dtype)));
  const compute = unaryMath[name];
  return compute === undefined || b !== undefined ? null : nodeValue(compute(floatOf(counted(a), dtype)));
}
