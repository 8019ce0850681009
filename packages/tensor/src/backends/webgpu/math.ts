/**
 * Functions that shaders use where WGSL's own are too inexact (its sin may err by 2^-11, its log by 2^-21 near 1, its exp by 3 + 2|x|
 * units in the last place) or do not say what they do with NaN and infinity. Algorithms and polynomials are those of the WebAssembly
 * backend (see `vector-math.ts` there): minimax fits of the relative error.
 *
 * WGSL allows an implementation to assume that there are no NaNs and infinities, and to flush denormal numbers. So NaN is told by its bits,
 * and special values are written as bits that no compiler folds. Denormals may come out as 0.
 */

interface ShaderFunction {
  readonly code: string;
  /** Functions that this one calls. */
  readonly uses: readonly ShaderFunctionName[];
}

export type ShaderFunctionName = keyof typeof functions;

/** c0 + x (c1 + x (c2 + ...)). */
const polynomial = (x: string, coefficients: readonly number[]): string =>
  coefficients.reduceRight((text, c) => (text === '' ? `${c}f` : `fma(${x}, ${text}, ${c}f)`), '');

const ln2High = 0.693145751953125;
const ln2Low = 1.428606765330187e-6;

/** exp(r) - 1 = r + r^2 q(r) for |r| <= ln 2, and for |r| <= ln(2) / 2, the latter fitted for the relative error of exp(r) - 1. */
const expWide = [
  0.5, 0.16666673123836517, 0.04166652634739876, 0.008332528173923492, 0.0013893701834604144, 0.000201097980607301,
  2.4440187189611606e-5,
];
const expNarrow = [
  0.4999999701976776, 0.1666654348373413, 0.04166720062494278, 0.00836651399731636, 0.0013882523635402322,
];
/** (2 atanh(s) - 2s) / s^3 in s^2. */
const logTail = [0.6666678190231323, 0.3997707962989807, 0.298851877450943];
/** erf(x) / x - 1 in x^2 for |x| <= 1; -ln(1 - erf(x)) in x for 1 <= x <= 4. */
const erfSmall = [
  0.12837916612625122, -0.3761262595653534, 0.1128358542919159, -0.026853812858462334, 0.005188327748328447,
  -0.0008010194287635386, 7.853862916817889e-5,
];
const erfLarge = [
  0.00034152393345721066, 1.1270891427993774, 0.638144850730896, 0.10310675203800201, -0.02183806151151657,
  0.0029476576019078493, -0.0001863791112555191,
];
/** (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4 in r^2, for |r| <= pi/4. */
const sineTail = [-0.16666666641527, 0.008333329374134986, -0.00019839331000613868, 2.7182745032653024e-6];
const cosineTail = [0.04166666664785987, -0.001388888553747608, 2.4799908328873977e-5, -2.72368490905725e-7];
/** pi / 2 in parts of few bits: multiples of the first two by integers of up to 13 bits are exact. */
const halfPi = [1.5703125, 4.837512969970703e-4, 7.549789954891882e-8] as const;
/** From here on the index of the quadrant has too many bits for that. */
const largestSimpleSine = 8192;
/** 32 bits of 0, then the bits of 2 / pi behind the point. */
const twoOverPi = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab] as const;

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
  power_of_2: {
    uses: [],
    code: `fn power_of_2(n: i32) -> f32 { return bitcast<f32>(u32(n + 127) << 23u); }`,
  },
  // exp(x) = 2^n 2^n exp(x - 2n ln 2): 2^n is a normal number for every x whose result is neither 0 nor infinite.
  exp_: {
    uses: ['is_nan', 'power_of_2'],
    code: `fn exp_(x: f32) -> f32 {
  let limited = clamp(x, -104f, 89f);
  let n = round(limited * ${Math.LOG2E / 2}f);
  let r = (limited - n * ${2 * ln2High}f) - n * ${2 * ln2Low}f;
  let power = power_of_2(i32(n));
  let scaled = fma(fma(${polynomial('r', expWide)}, r * r, r), power, power);
  return select(scaled * power, x, is_nan(x));
}`,
  },
  // exp(x) - 1 and 2^n of a moderate x: x = n ln 2 + r.
  exp_parts: {
    uses: ['power_of_2'],
    code: `fn exp_parts(x: f32) -> vec2f {
  let n = round(x * ${Math.LOG2E}f);
  let r = (x - n * ${ln2High}f) - n * ${ln2Low}f;
  return vec2f(fma(${polynomial('r', expNarrow)}, r * r, r), power_of_2(i32(n)));
}`,
  },
  with_sign: {
    uses: [],
    code: `fn with_sign(magnitude: f32, x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(magnitude) | (bitcast<u32>(x) & 0x80000000u));
}`,
  },
  // tanh |x| = t / (t + 2) with t = exp(2|x|) - 1, which loses no digits near 0.
  tanh_: {
    uses: ['is_nan', 'exp_parts', 'with_sign'],
    code: `fn tanh_(x: f32) -> f32 {
  let parts = exp_parts(2f * min(abs(x), 10f));
  let t = fma(parts.x, parts.y, parts.y - 1f);
  return select(with_sign(t / (t + 2f), x), x, is_nan(x));
}`,
  },
  // x + x P(x^2) up to 1, then 1 - exp(-Q(|x|)).
  erf_: {
    uses: ['is_nan', 'exp_parts', 'with_sign'],
    code: `fn erf_(x: f32) -> f32 {
  let magnitude = min(abs(x), 4f);
  let square = magnitude * magnitude;
  if (magnitude < 1f || is_nan(x)) { return fma(${polynomial('square', erfSmall)}, x, x); }
  let parts = exp_parts(-(${polynomial('magnitude', erfLarge)}));
  return with_sign(1f - fma(parts.x, parts.y, parts.y), x);
}`,
  },
  // log(x) = k ln 2 + log(1 + f), log(1 + f) = 2 atanh(s) with s = f / (2 + f), arranged as f - (f^2/2 - s (f^2/2 + R)).
  log_: {
    uses: ['from_bits'],
    code: `fn log_(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (bits == 0x7f800000u) { return x; }
  if ((bits & 0x7fffffffu) == 0u) { return from_bits(0xff800000u); }
  if (bits > 0x7f800000u) { return from_bits(0x7fc00000u); }
  // The bits of a denormal number are its multiple of 2^-149.
  let tiny = bits < 0x00800000u;
  let normal = select(bits, bitcast<u32>(f32(bits)), tiny);
  let exponent = i32(normal - 0x3f3504f3u) >> 23u;
  let f = bitcast<f32>(normal - (u32(exponent) << 23u)) - 1f;
  let k = f32(exponent) - select(0f, 149f, tiny);
  let s = f / (f + 2f);
  let z = s * s;
  let half_square = f * f * 0.5f;
  let low = fma(${polynomial('z', logTail)} * z + half_square, s, k * ${ln2Low}f);
  return k * ${ln2High}f - ((half_square - low) - f);
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
  // x = k pi/2 + r; the two low bits of k choose sin or cos of r, and the sign.
  sin_: {
    uses: ['reduce_large', 'from_bits'],
    code: `fn sin_(x: f32) -> f32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits >= 0x7f800000u) { return from_bits(0x7fc00000u); }
  let magnitude = abs(x);
  var r = 0f;
  var quadrant = 0u;
  if (magnitude < ${largestSimpleSine}f) {
    let k = round(magnitude * ${2 / Math.PI}f);
    r = ((magnitude - k * ${halfPi[0]}f) - k * ${halfPi[1]}f) - k * ${halfPi[2]}f;
    quadrant = u32(k);
  } else {
    let reduced = reduce_large(bits);
    r = reduced.x;
    quadrant = u32(reduced.y);
  }
  let z = r * r;
  let sine = fma(${polynomial('z', sineTail)}, z * r, r);
  let cosine = fma(${polynomial('z', cosineTail)}, z * z, fma(z, -0.5f, 1f));
  let value = select(sine, cosine, (quadrant & 1u) == 1u);
  let sign = ((quadrant >> 1u) & 1u) ^ (bitcast<u32>(x) >> 31u);
  return bitcast<f32>(bitcast<u32>(value) ^ (sign << 31u));
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
