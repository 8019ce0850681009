/** The dtype of positions. */
import type { Tensor } from '@tessera/tensor';

/** Positions are computed in one of these: half precision cannot tell large ones apart. */
export type FloatDType = 'f32' | 'f64';

/** The dtype of positions for tokens of `x`'s dtype. */
export const floatDType = ({ dtype }: Tensor): FloatDType => (dtype === 'f64' ? 'f64' : 'f32');
