/** The logarithms to the bases 2 and 10: exact where the result is a whole number. */
import { add, type Float, mul, multiplyAdd, sub, subtractProduct } from './expression.ts';
import type { Precision } from './float-format.ts';
import { type ElementaryFunction, elementaryFunction } from './function.ts';
import { logEverywhere, logTail, splitPositive } from './log.ts';

const nearest: Readonly<Record<Precision, (x: number) => number>> = { f32: Math.fround, f64: (x) => x };

/**
 * log(1 + f) times a factor. The factor is given in two parts, the first of which is a number of the format: the rounding of one constant
 * would be an error of every result.
 */
function scaledLog(f: Float, [high, low]: readonly [high: number, low: number], precision: Precision): Float {
  const { s, halfSquare, bracket } = logTail(f, precision);
  const rest = subtractProduct(bracket, s, halfSquare);
  return multiplyAdd(f, high, sub(mul(f, low), mul(rest, high)));
}

/** A constant as a number of the format and what is left over; `rest` is what a double leaves over. */
const inParts = (value: number, rest: number, precision: Precision): readonly [high: number, low: number] => {
  const high = nearest[precision](value);
  return [high, value - high + rest];
};

/** k + log2(1 + f). */
export const log2: ElementaryFunction = elementaryFunction((x, precision) => {
  const { f, k } = splitPositive(x, precision);
  const log2e = inParts(Math.LOG2E, 2.0355273740931033e-17, precision);
  return logEverywhere(x, add(k, scaledLog(f, log2e, precision)));
});

/** log10(2) in two parts; multiples of the first by integers of up to 11 bits (in f32: 8 bits) are exact. */
const log10Of2: Readonly<Record<Precision, readonly [high: number, low: number]>> = {
  f32: [0.301025390625, 4.6050389811952e-6],
  f64: [0.30102999566361177, 3.694239077158931e-13],
};

/** k log10(2) + log10(1 + f). */
export const log10: ElementaryFunction = elementaryFunction((x, precision) => {
  const { f, k } = splitPositive(x, precision);
  const log10e = inParts(Math.LOG10E, 1.098319650216765e-17, precision);
  const [high, low] = log10Of2[precision];
  return logEverywhere(x, multiplyAdd(k, high, multiplyAdd(k, low, scaledLog(f, log10e, precision))));
});
