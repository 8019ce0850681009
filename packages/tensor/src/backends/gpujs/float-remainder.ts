/** The exact remainder of floats, of which gpu.js computes a - b * trunc(a / b) with every step rounded. */
import type { CellCode } from './cell-code.ts';
import type { FloatMath } from './float-math.ts';
import { both, choose, compare, floor, minus, plus, type Term, times } from './term.ts';

/**
 * C's fmod, by long division: multiples of the divisor by powers of 2, the largest first, are subtracted where they fit. Each difference is
 * exact, because what is left is never more than twice what is subtracted.
 */
export function floatRemainder(code: CellCode, math: FloatMath, a: Term, b: Term): Term {
  const [x, y] = [code.variable(a), code.variable(b)];
  const magnitude = (v: string): Term => code.local(choose(compare(v, '<', 0), `(-${v})`, v));
  const [size, divisor] = [magnitude(x), magnitude(y)];
  const infinity = code.number(Number.POSITIVE_INFINITY);
  const isDefined = both(compare(size, '<', infinity), compare(divisor, '>', 0));
  const divides = code.local(choose(both(isDefined, compare(size, '>=', divisor)), 1, 0));
  const logarithmOf = (v: Term): Term =>
    times(math.log(code, code.local(choose(compare(divides, '>', 0), v, 1))), Math.LOG2E);
  const difference = code.local(minus(code.local(logarithmOf(size)), code.local(logarithmOf(divisor))));
  // The logarithms are rounded: where the quotient is just above a power of 2, the next lower one is taken, and subtracted twice.
  const lower = code.local(floor(minus(difference, 0.001)));
  const doublings = code.local(choose(compare(lower, '<', 0), 0, lower));
  const third = code.local(floor(times(doublings, 1 / 3)));
  const power = math.powerOfTwo(code, third);
  const otherPower = math.powerOfTwo(code, code.local(minus(doublings, times(third, 2))));
  const factor = code.local(power);
  const scaled = code.variable(times(times(times(divisor, factor), factor), otherPower));
  const rest = code.variable(size);
  const turn = code.variable(0);
  const subtract = (): void => {
    code.line(`${rest} = ${choose(compare(rest, '>=', scaled), minus(rest, scaled), rest)};`);
  };
  code.line(`${rest} = ${choose(compare(divides, '>', 0), rest, 0)};`);
  subtract();
  code.whileBelow(turn, code.local(choose(compare(divides, '>', 0), plus(doublings, 1), 0)), () => {
    subtract();
    code.line(`${scaled} = ${times(scaled, 0.5)};`);
  });
  const remainder = code.local(choose(compare(divides, '>', 0), rest, size));
  const signed = choose(compare(x, '<', 0), `(-${remainder})`, remainder);
  return code.local(choose(isDefined, signed, code.number(Number.NaN)));
}
