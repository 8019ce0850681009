/** The kinds of element-wise operations and reductions, which graphs and kernels share. */

/**
 * Element-wise operations of one source. `erf` and `tanh` are here for their accuracy near 0. `cast` converts to the node's dtype:
 * floating point to i32 truncates and saturates (NaN gives 0), to u8 keeps the low 8 bits of that, to bool is `x != 0`.
 */
export type UnaryOp = 'neg' | 'recip' | 'sqrt' | 'exp' | 'log' | 'sin' | 'floor' | 'tanh' | 'erf' | 'cast';

/**
 * In kernels, where f16 and bf16 are types of memory only, a cast to one of them rounds an f32 to what the type holds. Infinities, NaN
 * and the sign of 0 stay; what is too large becomes infinity.
 */
export type RoundOp = 'roundF16' | 'roundBf16';

/**
 * Element-wise operations of two sources of equal shape and dtype. `lt` and `eq` give bool; `max` of a NaN is NaN. The second line is
 * for integers: `idiv` truncates, `mod` takes the sign of the dividend, both give 0 where the divisor is 0; `shr` shifts in zeros, and
 * shifts count modulo 32. Integer results wrap around: i32 to 32 bits, u8 to 8.
 */
export type BinaryOp = ('add' | 'mul' | 'max' | 'lt' | 'eq') | ('idiv' | 'mod' | 'and' | 'or' | 'xor' | 'shl' | 'shr');

export type ReduceOp = 'sum' | 'max';
