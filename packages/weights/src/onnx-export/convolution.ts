/** Contractions of sliding windows with a weight: convolutions, for which ONNX has an operation of its own. */
import type { Node, WindowSpec } from '@tessera/tensor/graph';

/** A convolution of [N, C, ...] with a weight [O, C, ...window]. */
export interface Convolution {
  readonly images: Node;
  readonly weight: Node;
  readonly windows: readonly WindowSpec[];
  /** Where the axes of ONNX's result [N, O, ...positions] are in the node's. */
  readonly axes: readonly number[];
}

/** The convolution that a node is; null if it is another operation. */
export function convolutionOf(node: Node): Convolution | null {
  if (node.op !== 'contract' || node.dtype !== 'f32') return null;
  const [windowed, weight] = node.sources;
  if (windowed?.op !== 'window' || weight === undefined) return null;
  const { windows } = windowed.arg;
  const [images] = windowed.sources;
  const rank = 2 + windows.length;
  // Every axis but those of images and channels has a window.
  if (images?.shape.length !== rank || windows.some(({ axis }, k) => axis !== 2 + k)) return null;
  const { a, b, out } = node.arg;
  const [image, channel] = a;
  const [positions, places] = [a.slice(2, rank), a.slice(rank)];
  const [output, ...summed] = b;
  const isSummed = summed.join() === [channel, ...places].join() && !out.includes(channel as number);
  if (!isSummed || places.some((label) => out.includes(label)) || a.includes(output as number)) return null;
  const order = [image, output, ...positions] as number[];
  return { images, weight, windows, axes: out.map((label) => order.indexOf(label)) };
}
