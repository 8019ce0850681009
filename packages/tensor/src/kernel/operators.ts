/** The kinds of element-wise operations and reductions, shared by graphs and kernels. */

/**
 * Element-wise operations of one source. `erf` and `tanh` are primitive for their accuracy near 0. `cast` converts to the node's dtype:
 * floating point to i32 truncates and saturates (NaN becomes 0), to u8 keeps the low 8 bits of that, to bool is `x != 0`.
 */
export type UnaryOp = 'neg' | 'recip' | 'sqrt' | 'exp' | 'log' | 'sin' | 'floor' | 'tanh' | 'erf' | 'cast';

/**
 * In kernels f16 and bf16 exist in memory only, so a cast to one of them rounds an f32 to a value that the type can represent.
 * Infinities, NaN and the sign of 0 are kept; values that are too large become infinity.
 */
export type RoundOp = 'roundF16' | 'roundBf16';

/**
 * Element-wise operations of two sources of equal shape and dtype. `lt` and `eq` return bool; `max` of a NaN is NaN. The second group is
 * for integers: `idiv` truncates, `mod` takes the sign of the dividend, both return 0 where the divisor is 0; `shr` shifts in zeros, and
 * shift counts are taken modulo 32. Integer results wrap around: i32 to 32 bits, u8 to 8.
 */
export type BinaryOp = ('add' | 'mul' | 'max' | 'lt' | 'eq') | ('idiv' | 'mod' | 'and' | 'or' | 'xor' | 'shl' | 'shr');

export type ReduceOp = 'sum' | 'max';
