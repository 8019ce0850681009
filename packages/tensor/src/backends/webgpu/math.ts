/**
 * Functions that shaders use where WGSL's own are too inaccurate (the error of its sin may be 2^-11, of its log 2^-21 near 1, of its exp
 * 3 + 2|x| units in the last place) or their results for NaN and infinity are not specified. Elementary functions are those of
 * `codegen/elementary`.
 *
 * WGSL allows an implementation to assume that there are no NaNs and infinities, and to flush denormal numbers. So NaN is recognized by its
 * bits, and special values are written as bits that no compiler folds. Denormals may become 0.
 */
import { quadrantNumber, variable } from '../../codegen/elementary/expression.ts';
import { cosineOfReduced, reducedInSingles, sineOfReduced } from '../../codegen/elementary/sin.ts';
import { calledByElementary, elementaryStatements, elementaryTexts } from './elementary.ts';

interface ShaderFunction {
  readonly code: string;
  /** Functions that this one calls. */
  readonly uses: readonly ShaderFunctionName[];
}

export type ShaderFunctionName = keyof typeof functions;

/** From here on the index of the quadrant has too many bits for that. */
const largestSimpleSine = 8192;
/** 32 bits of 0, then the bits of 2 / pi behind the point. */
const twoOverPi = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab] as const;

const indented = (spaces: number, lines: readonly string[]): string =>
  lines.map((line) => ' '.repeat(spaces) + line).join('\n');

const reduction = elementaryStatements([reducedInSingles.r, quadrantNumber(reducedInSingles.k)], { x: 'magnitude' });
const reducedSine = elementaryStatements([sineOfReduced(variable('r', 'float'), variable('k', 'quadrant'), 'f32')], {
  r: 'r',
  k: 'k',
});

const reducedCosine = elementaryStatements(
  [cosineOfReduced(variable('r', 'float'), variable('k', 'quadrant'), 'f32')],
  {
    r: 'r',
    k: 'k',
  },
);

const functions = {
  from_bits: {
    uses: [],
    code: `fn from_bits(bits: u32) -> f32 { return bitcast<f32>(bits); }`,
  },
  is_nan: {
    uses: [],
    code: `fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }`,
  },
  max_: {
    uses: ['is_nan'],
    code: `fn max_(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }`,
  },
  min_: {
    uses: ['is_nan'],
    code: `fn min_(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, is_nan(b)), a, is_nan(a)); }`,
  },
  to_i32: {
    uses: ['is_nan'],
    code: `fn to_i32(x: f32) -> i32 {
  if (is_nan(x)) { return 0; }
  if (x >= 2147483648f) { return 2147483647; }
  if (x < -2147483648f) { return i32(-2147483648); }
  return i32(x);
}`,
  },
  idiv: {
    uses: [],
    // The smallest number by -1 wraps around.
    code: `fn idiv(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  if (b == -1) { return 0 - a; }
  return a / b;
}`,
  },
  imod: {
    uses: [],
    code: `fn imod(a: i32, b: i32) -> i32 {
  if (b == 0 || b == -1) { return 0; }
  return a % b;
}`,
  },
  with_sign: {
    uses: [],
    code: `fn with_sign(magnitude: f32, x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(magnitude) | (bitcast<u32>(x) & 0x80000000u));
}`,
  },
  // IEEE 754 binary16, to nearest, ties to even. Below 2^-14 it holds the multiples of 2^-24.
  round_f16: {
    uses: ['from_bits', 'with_sign'],
    code: `fn round_f16(x: f32) -> f32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits >= 0x7f800000u) { return x; }
  if (bits >= 0x477ff000u) { return from_bits((bitcast<u32>(x) & 0x80000000u) | 0x7f800000u); }
  if (bits < 0x38800000u) { return with_sign(round(abs(x) * 16777216f) * ${2 ** -24}f, x); }
  return with_sign(bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u), x);
}`,
  },
  f16_bits: {
    uses: ['round_f16', 'is_nan'],
    code: `fn f16_bits(x: f32) -> u32 {
  let rounded = round_f16(x);
  let bits = bitcast<u32>(rounded) & 0x7fffffffu;
  let sign = (bitcast<u32>(x) >> 16u) & 0x8000u;
  if (is_nan(x)) { return sign | 0x7e00u; }
  if (bits >= 0x7f800000u) { return sign | 0x7c00u; }
  if (bits < 0x38800000u) { return sign | u32(abs(rounded) * 16777216f); }
  return sign | ((bits - 0x38000000u) >> 13u);
}`,
  },
  from_f16: {
    uses: ['with_sign'],
    code: `fn from_f16(pattern: u32) -> f32 {
  let exponent = (pattern >> 10u) & 31u;
  let sign = bitcast<f32>((pattern & 0x8000u) << 16u);
  if (exponent == 0u) { return with_sign(f32(pattern & 0x3ffu) * ${2 ** -24}f, sign); }
  let widened = select(exponent + 112u, 255u, exponent == 31u);
  return with_sign(bitcast<f32>((widened << 23u) | ((pattern & 0x3ffu) << 13u)), sign);
}`,
  },
  // The upper half of an f32, to nearest, ties to even.
  bf16_bits: {
    uses: ['is_nan'],
    code: `fn bf16_bits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x)) { return (bits >> 16u) | 0x40u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}`,
  },
  round_bf16: {
    uses: ['bf16_bits'],
    code: `fn round_bf16(x: f32) -> f32 { return bitcast<f32>(bf16_bits(x) << 16u); }`,
  },
  // The high word of a product of two words.
  high_product: {
    uses: [],
    code: `fn high_product(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u);
}`,
  },
  // |x| = k pi/2 + r for large x: r, and the two low bits of k. Payne and Hanek: of the product with 2/pi only 64 bits matter, from
  // 2 bits before the point.
  reduce_large: {
    uses: ['high_product'],
    code: `const two_over_pi = array<u32, ${twoOverPi.length}>(${twoOverPi.map((word) => `${word}u`).join(', ')});
fn reduce_large(bits: u32) -> vec2f {
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  // Bits of 2/pi that only add multiples of 4 are left out.
  let skipped = ((bits >> 23u) & 255u) - 120u;
  let word = skipped >> 5u;
  let shift = skipped & 31u;
  var table = two_over_pi;
  var w = vec3u(table[word], table[word + 1u], table[word + 2u]);
  if (shift > 0u) {
    let next = vec3u(w.y, w.z, table[word + 3u]);
    w = vec3u(w.x << shift, w.y << shift, w.z << shift) | vec3u(next.x >> (32u - shift), next.y >> (32u - shift), next.z >> (32u - shift));
  }
  let low = mantissa * w.y;
  let middle = low + high_product(mantissa, w.z);
  let carry = select(0u, 1u, middle < low);
  let top = mantissa * w.x + high_product(mantissa, w.y) + carry;
  let fraction = (top << 2u) | (middle >> 30u);
  let rest = f32(i32(fraction)) + f32(middle << 2u) * ${2 ** -32}f;
  let quadrant = (top >> 30u) + (fraction >> 31u);
  return vec2f(rest * ${(Math.PI / 2) * 2 ** -32}f, f32(quadrant & 3u));
}`,
  },
  ...elementaryTexts,
  // |x| = k pi/2 + r for finite x: r, and the two low bits of k, or k. Large arguments are reduced in integers.
  reduce_by_half_pi: {
    uses: ['reduce_large', ...calledByElementary],
    code: `fn reduce_by_half_pi(magnitude: f32) -> vec2f {
  if (magnitude >= ${largestSimpleSine}f) { return reduce_large(bitcast<u32>(magnitude)); }
${indented(2, reduction.lines)}
  return vec2f(${reduction.results[0]}, ${reduction.results[1]});
}`,
  },
  // sin(-x) = -sin(x).
  sin_: {
    uses: ['reduce_by_half_pi', ...calledByElementary],
    code: `fn sin_(x: f32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return from_bits(0x7fc00000u); }
  let reduced = reduce_by_half_pi(abs(x));
  let r = reduced.x;
  let k = reduced.y;
${indented(2, reducedSine.lines)}
  return bitcast<f32>(bitcast<u32>(${reducedSine.results[0]}) ^ (bitcast<u32>(x) & 0x80000000u));
}`,
  },
  cos_: {
    uses: ['reduce_by_half_pi', ...calledByElementary],
    code: `fn cos_(x: f32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return from_bits(0x7fc00000u); }
  let reduced = reduce_by_half_pi(abs(x));
  let r = reduced.x;
  let k = reduced.y;
${indented(2, reducedCosine.lines)}
  return ${reducedCosine.results[0]};
}`,
  },
  // WGSL lets a quotient be wrong by 2.5 units in the last place. What a - quotient * b leaves is exact if the product is taken in halves,
  // each with half of the bits, whether or not a compiler fuses products and sums. Quotients that are so small that halves may be flushed to
  // 0 stay as they are. Compilers may assume that operands are finite and that nothing is divided by 0: these quotients are made of bits.
  div_: {
    uses: ['from_bits'],
    code: `fn div_(a: f32, b: f32) -> f32 {
  let a_size = bitcast<u32>(a) & 0x7fffffffu;
  let b_size = bitcast<u32>(b) & 0x7fffffffu;
  if (a_size >= 0x7f800000u || b_size >= 0x7f800000u || b_size == 0u) {
    let sign = (bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u;
    let no_number = a_size > 0x7f800000u || b_size > 0x7f800000u || a_size == b_size;
    let size = select(0x7f800000u, 0u, b_size == 0x7f800000u);
    return from_bits(select(sign | size, 0x7fc00000u, no_number));
  }
  let quotient = a / b;
  let size = bitcast<u32>(quotient) & 0x7f800000u;
  let dividend = bitcast<u32>(a) & 0x7f800000u;
  if (size - 0x01000000u > 0x7d800000u || dividend - 0x18800000u > 0x66000000u) { return quotient; }
  let q = bitcast<f32>(bitcast<u32>(quotient) & 0xfffff000u);
  let d = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u);
  let rest = (((a - q * d) - q * (b - d)) - (quotient - q) * d) - (quotient - q) * (b - d);
  return quotient + rest / b;
}`,
  },
  // C's fmod, in integers: the mantissa of the remainder moves up by as many bits as fit, and is divided by that of the divisor.
  fmod: {
    uses: ['from_bits'],
    code: `fn fmod(a: f32, b: f32) -> f32 {
  let sign = bitcast<u32>(a) & 0x80000000u;
  let size = bitcast<u32>(a) & 0x7fffffffu;
  let divisor = bitcast<u32>(b) & 0x7fffffffu;
  if (size >= 0x7f800000u || divisor > 0x7f800000u || divisor == 0u) { return from_bits(0x7fc00000u); }
  if (size < divisor) { return a; }
  var exponent = i32(size >> 23u);
  var rest = (size & 0x7fffffu) | 0x800000u;
  if (exponent == 0) {
    let shift = countLeadingZeros(size) - 8u;
    rest = size << shift;
    exponent = 1 - i32(shift);
  }
  var smallest = i32(divisor >> 23u);
  var unit = (divisor & 0x7fffffu) | 0x800000u;
  if (smallest == 0) {
    let shift = countLeadingZeros(divisor) - 8u;
    unit = divisor << shift;
    smallest = 1 - i32(shift);
  }
  rest = rest % unit;
  while (exponent > smallest && rest != 0u) {
    let shift = min(exponent - smallest, 8);
    rest = (rest << u32(shift)) % unit;
    exponent = exponent - shift;
  }
  if (rest == 0u) { return from_bits(sign); }
  let shift = countLeadingZeros(rest) - 8u;
  let field = smallest - i32(shift);
  if (field > 0) { return from_bits(sign | (((rest << shift) & 0x7fffffu) | (u32(field) << 23u))); }
  return from_bits(sign | ((rest << shift) >> u32(1 - field)));
}`,
  },
} as const satisfies Readonly<Record<string, { code: string; uses: readonly string[] }>>;

/** The functions that a shader calls. */
export class ShaderFunctions {
  readonly #names = new Set<ShaderFunctionName>();

  /** Text of a call; the function joins the shader. */
  readonly call = (name: ShaderFunctionName, ...operands: string[]): string => {
    this.#names.add(name);
    return `${name}(${operands.join(', ')})`;
  };

  code(): string {
    return shaderFunctions(this.#names);
  }
}

/** The functions and those that they use, each once, callees first. */
function shaderFunctions(names: Iterable<ShaderFunctionName>): string {
  const written = new Set<string>();
  const parts: string[] = [];
  const write = (name: ShaderFunctionName): void => {
    if (written.has(name)) return;
    written.add(name);
    const { uses, code }: ShaderFunction = functions[name];
    for (const used of uses) write(used);
    parts.push(code);
  };
  for (const name of [...names].sort()) write(name);
  return parts.join('\n');
}
