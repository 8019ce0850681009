/** The padding of texts in check cases. */
import { iota, type Tensor } from '@tessera/tensor';

/** bool [N, L]: true from each text's length on, for text [N, L, width] and i32 lengths [N]. */
export const paddingFrom = (text: Tensor, lengths: Tensor): Tensor =>
  iota(text.shape.slice(0, 2), 1).ge(lengths.unsqueeze(1));
