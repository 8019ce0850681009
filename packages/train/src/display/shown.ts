/** What the helpers of this folder return: something that a notebook shows. */
import { type Displayable, display, type MediaBundle } from '@tessera/tensor/display';

/**
 * Shown as a picture or a drawing if it is the last value of a notebook's cell, or an argument of `Deno.jupyter.display`. It is made when
 * it is first shown; what cannot be drawn is an error of that cell.
 */
export class Shown implements Displayable {
  readonly #make: () => Promise<MediaBundle>;
  #made: Promise<MediaBundle> | null = null;

  constructor(make: () => Promise<MediaBundle>) {
    this.#make = make;
  }

  [display](): Promise<MediaBundle> {
    this.#made ??= this.#make();
    return this.#made;
  }
}
