/** The arc tangent. */
import { absolute, atLeast, copySign, div, less, mul, multiplyAdd, polynomial, select, sub } from './expression.ts';
import type { Precision } from './float-format.ts';
import { elementaryFunction } from './function.ts';

/** (atan(z) / z - 1) / z^2 as a polynomial in z^2, for |z| <= 1. */
const tails: Readonly<Record<Precision, readonly number[]>> = {
  f32: [
    -0.33333298563957214, 0.19998548924922943, -0.14264242351055145, 0.10952186584472656, -0.0840345248579979,
    0.05795763432979584, -0.031177885830402374, 0.010914626531302929, -0.0017936262302100658,
  ],
  f64: [
    -0.3333333333333307, 0.19999999999951462, -0.14285714282575182, 0.1111111100702743, -0.0909090700300166,
    0.07692279839296907, -0.06666404056859496, 0.058805278068898736, -0.05253518506784853, 0.04722322030249605,
    -0.042191784069761006, 0.036641898815453613, -0.029903838217149193, 0.021984827477976476, -0.013900535125430536,
    0.007196485269334002, -0.0028849091814205853, 0.0008313185742517954, -0.00015216015991555365, 1.3225005499097373e-5,
  ],
};

/** pi / 2 as a number of the format, and what is left over. */
const halfPi: Readonly<Record<Precision, readonly [high: number, low: number]>> = {
  f32: [Math.fround(Math.PI / 2), Math.PI / 2 - Math.fround(Math.PI / 2)],
  f64: [Math.PI / 2, 6.123233995736766e-17],
};

/** atan |x| up to 1, above that pi/2 - atan(1 / |x|). */
export const atan = elementaryFunction((x, precision) => {
  const [high, low] = halfPi[precision];
  const magnitude = absolute(x);
  const isLarge = less(1, magnitude);
  const z = select(isLarge, div(1, atLeast(magnitude, 1)), magnitude);
  const square = mul(z, z);
  const angle = multiplyAdd(mul(z, square), polynomial(square, tails[precision], mul(square, square)), z);
  return copySign(select(isLarge, sub(high, sub(angle, low)), angle), x);
});
