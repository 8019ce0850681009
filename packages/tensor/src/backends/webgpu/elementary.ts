/** Elementary functions in WGSL: the primitives of `codegen/elementary` as text. */
import { type Float, type Primitives, translate } from '../../codegen/elementary/expression.ts';
import { floatFormats } from '../../codegen/elementary/float-format.ts';
import { shaderExpression } from '../../codegen/elementary/function.ts';
import {
  type ElementaryName,
  type ElementaryNameOfTwo,
  elementaryFunctions,
  elementaryFunctionsOfTwo,
  elementaryNames,
  elementaryNamesOfTwo,
} from '../../codegen/elementary/index.ts';

const { exponentBias, mantissaBits, smallestNormal } = floatFormats.f32;

const bits = (x: string): string => `bitcast<u32>(${x})`;
const magnitudeBits = (x: string): string => `(${bits(x)} & 0x7fffffffu)`;

function constant(value: number): string {
  if (Number.isFinite(value)) return value < 0 ? `(${value}f)` : `${value}f`;
  return Number.isNaN(value) ? 'from_bits(0x7fc00000u)' : `from_bits(0x${value < 0 ? 'f' : '7'}f800000u)`;
}

/** Compilers may assume that there are no NaNs and infinities, and devices may flush denormal numbers: these are told by their bits. */
const primitives: Primitives<string, string> = {
  constant,
  add: (a, b) => `(${a} + ${b})`,
  sub: (a, b) => `(${a} - ${b})`,
  mul: (a, b) => `(${a} * ${b})`,
  div: (a, b) => `(${a} / ${b})`,
  multiplyAdd: (a, b, c) => `fma(${a}, ${b}, ${c})`,
  subtractProduct: (a, b, c) => `fma(-${a}, ${b}, ${c})`,
  atMost: (x, limit) => `min(${x}, ${limit})`,
  atLeast: (x, limit) => `max(${x}, ${limit})`,
  absolute: (x) => `abs(${x})`,
  floor: (x) => `floor(${x})`,
  highPart: (x) => `bitcast<f32>(${bits(x)} & 0xfffff000u)`,
  copySign: (magnitude, sign) => `with_sign(${magnitude}, ${sign})`,

  less: (a, b) => `(${a} < ${b})`,
  isZero: (x) => `(${magnitudeBits(x)} == 0u)`,
  isBelowInfinity: (x) => `(${magnitudeBits(x)} < 0x7f800000u)`,
  select: (condition, yes, no) => `select(${no}, ${yes}, ${condition})`,
  nanWhere: (condition, x) => `select(${x}, ${constant(Number.NaN)}, ${condition})`,

  exponent: (x, factor) => `round(${factor === undefined ? x : `${x} * ${factor}`})`,
  exponentNumber: (n) => n,
  powerOfTwo: (n) => `bitcast<f32>(u32(i32(${n}) + ${exponentBias}) << ${mantissaBits}u)`,

  quadrant: (x, factor) => `round(${x} * ${factor})`,
  quadrantNumber: (k) => k,
  nextQuadrant: (k) => `(${k} + 1f)`,
  isOdd: (k) => `((i32(${k}) & 1) == 1)`,
  negateInSecondHalf: (k, x) => `bitcast<f32>(${bits(x)} ^ ((u32(i32(${k})) & 2u) << 30u))`,

  // The bits of a denormal number are its multiple of the smallest one.
  enlargeDenormal: (x) => `(f32(${bits(x)}) * ${smallestNormal}f)`,
  // Adding the distance from sqrt(1/2) to 1, in bits, lets the exponent field change at sqrt(1/2).
  split: (x) => `(${bits(x)} + 0x4afb0du)`,
  biasedExponent: (parts) => `f32(${parts} >> ${mantissaBits}u)`,
  significand: (parts) => `bitcast<f32>((${parts} & 0x7fffffu) + 0x3f3504f3u)`,
};

/** Statements that compute the results, and the text of each. */
export function elementaryStatements(
  results: readonly Float[],
  variables: Readonly<Record<string, string>>,
  prefix = 'v',
): { readonly lines: readonly string[]; readonly results: readonly string[] } {
  const lines: string[] = [];
  const names = new Set(Object.values(variables));
  const keep = (text: string): string => {
    if (names.has(text)) return text;
    const name = `${prefix}${lines.length}`;
    lines.push(`let ${name} = ${text};`);
    names.add(name);
    return name;
  };
  return { results: translate(results, { primitives, keep, keepMask: keep }, variables), lines };
}

/** The shader functions that expressions call. */
export const calledByElementary = ['is_nan', 'from_bits', 'with_sign'] as const;

/** An elementary function as a shader function. The primitives may take NaN for a number. */
function elementaryText(name: ElementaryName): string {
  const { lines, results } = elementaryStatements([shaderExpression(elementaryFunctions[name])], { x: 'x' });
  return [
    `fn ${name}_(x: f32) -> f32 {`,
    ...lines.map((line) => `  ${line}`),
    `  return select(${results[0]}, x, is_nan(x));`,
    '}',
  ].join('\n');
}

/** Likewise, of two arguments. By C's rules, 1^y and x^0 are 1 even for NaN; see `kernel/operators.ts`. */
function elementaryTextOfTwo(name: ElementaryNameOfTwo): string {
  const operands = { x: 'x', y: 'y' };
  const { lines, results } = elementaryStatements([shaderExpression(elementaryFunctionsOfTwo[name])], operands);
  return [
    `fn ${name}_(x: f32, y: f32) -> f32 {`,
    `  if (${bits('x')} == 0x3f800000u || y == 0f) { return 1f; }`,
    '  if (is_nan(x)) { return x; }',
    '  if (is_nan(y)) { return y; }',
    ...lines.map((line) => `  ${line}`),
    `  return ${results[0]};`,
    '}',
  ].join('\n');
}

export interface ElementaryText {
  readonly code: string;
  readonly uses: typeof calledByElementary;
}

const textsOf = <N extends string>(names: readonly N[], textOf: (name: N) => string) =>
  Object.fromEntries(names.map((name) => [`${name}_`, { code: textOf(name), uses: calledByElementary }])) as Readonly<
    Record<`${N}_`, ElementaryText>
  >;

export const elementaryTexts = {
  ...textsOf(elementaryNames, elementaryText),
  ...textsOf(elementaryNamesOfTwo, elementaryTextOfTwo),
};
