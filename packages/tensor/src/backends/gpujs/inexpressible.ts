/** A kernel that gpu.js cannot run; the message is the reason. */
export class Inexpressible extends Error {
  override name = 'Inexpressible';
}
