/** A tensor as text: what `console.log`, `String` and the consoles of browsers show. */
import type { Node } from '../graph/node.ts';
import { formatShape } from '../kernel/shape.ts';
import { endsOf, excerptOf } from './excerpt.ts';
import { formatValues, printedShape } from './format-values.ts';
import { printOptions } from './print-options.ts';

/** What is printed of a tensor. */
export interface Printable {
  readonly node: Node;
  readonly name?: string;
  readonly requiresGrad: boolean;
}

/** Name, dtype and shape: `Tensor 'conv1.weight' f32 [64, 3, 7, 7]`. */
export const titleOf = ({ node: { dtype, shape }, name }: Printable): string =>
  `Tensor${name === undefined ? '' : ` '${name}'`} ${dtype} ${formatShape(shape)}`;

/**
 * Title and values. Never throws; where the values cannot be had at once, the text says why:
 *
 *     Tensor f32 [2, 2]:
 *     [[ 1.0000, -2.0000],
 *      [ 0.5000,  4.0000]]
 */
export function printTensor(tensor: Printable): string {
  try {
    const { node } = tensor;
    const excerpt = excerptOf(node, printedShape(node.shape, printOptions()));
    return 'missing' in excerpt ? `${headOf(tensor)} (${excerpt.missing})` : withValues(tensor, excerpt.values);
  } catch (error) {
    return `${headOf(tensor)} (no values: ${error instanceof Error ? error.message : error})`;
  }
}

/** The same with values that `read` computes and reads. */
export async function printWithValues(
  tensor: Printable,
  read: (node: Node) => Promise<ArrayLike<number>>,
): Promise<string> {
  return withValues(tensor, await readPrinted(tensor, read));
}

/** The values that are printed, computed and read by `read`. */
export const readPrinted = <T>({ node }: Printable, read: (node: Node) => T): T =>
  read(endsOf(node, printedShape(node.shape, printOptions())));

/** Name, dtype, shape, and whether it requires a gradient. */
export const headOf = (tensor: Printable): string => titleOf(tensor) + (tensor.requiresGrad ? ' requiresGrad' : '');

/** Title and given values. */
export function withValues(tensor: Printable, values: ArrayLike<number>): string {
  const options = printOptions();
  const { shape, dtype } = tensor.node;
  const head = headOf(tensor);
  const text = formatValues(shape, dtype, values, options);
  const fits = !text.includes('\n') && head.length + 2 + text.length <= options.lineWidth;
  return `${head}:${fits ? ' ' : '\n'}${text}`;
}
