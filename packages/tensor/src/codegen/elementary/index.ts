/**
 * Elementary functions that backends compute from expressions, not with an instruction of their own. To add one: an entry in
 * `kernel/operators.ts`, a file here, and an entry in this table.
 *
 * Unless a comment says otherwise, polynomials are minimax fits of the relative error (Remez exchange in 40 digits).
 *
 * Largest errors on WebAssembly in units in the last place, with products and sums fused and not: in single precision of all numbers (of
 * sin, up to 10^6; from erfc on, of one number in 251), in double precision of a million, from erfc on of 150,000
 * (`backends/wasm/vectors/vector-math.test.ts`). cos has the errors of sin; pow those of a rounding, 0.51 in single and about 1 in double
 * precision.
 *
 *                  exp   log   sin   tanh  erf   erfc  expm1  exp2  log1p  log2  log10  atan
 *     f32 fused    1.48  0.84  0.51  1.81  1.14  0.95  1.52   1.17  1.38   0.95  0.96   1.77
 *     f32          1.51  0.84  0.51  1.97  1.32  0.94  1.63   1.20  1.36   1.85  1.75   1.92
 *     f64 fused    1.4   0.9   2.4   2.0   1.3   3.7   1.7    1.2   1.3    1.0   1.0    2.4
 *     f64          1.4   0.9   2.4   2.2   1.3   3.5   1.6    1.2   0.8    1.8   1.7    2.7
 */
import type { BinaryOp, UnaryFunction } from '../../kernel/operators.ts';
import { atan } from './atan.ts';
import { erf } from './erf.ts';
import { erfc } from './erfc.ts';
import { exp } from './exp.ts';
import { exp2 } from './exp2.ts';
import { expm1 } from './expm1.ts';
import type { ElementaryFunction } from './function.ts';
import { log } from './log.ts';
import { log1p } from './log1p.ts';
import { log2, log10 } from './log2-log10.ts';
import { pow } from './pow.ts';
import { cos, sin } from './sin.ts';
import { tanh } from './tanh.ts';

export const elementaryFunctions = {
  exp,
  log,
  sin,
  cos,
  tanh,
  erf,
  erfc,
  expm1,
  exp2,
  log1p,
  log2,
  log10,
  atan,
} as const satisfies Partial<Record<UnaryFunction, ElementaryFunction>>;

export type ElementaryName = keyof typeof elementaryFunctions;

export const elementaryNames = Object.keys(elementaryFunctions) as readonly ElementaryName[];

export const isElementary = (name: string): name is ElementaryName => Object.hasOwn(elementaryFunctions, name);

/** Those of two arguments. */
export const elementaryFunctionsOfTwo = { pow } as const satisfies Partial<Record<BinaryOp, ElementaryFunction>>;

export type ElementaryNameOfTwo = keyof typeof elementaryFunctionsOfTwo;

export const elementaryNamesOfTwo = Object.keys(elementaryFunctionsOfTwo) as readonly ElementaryNameOfTwo[];
