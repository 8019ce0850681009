/** The layer that does nothing. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';

/** Returns its input. */
export class Identity extends Module {
  forward(input: Tensor): Tensor {
    return input;
  }
}
