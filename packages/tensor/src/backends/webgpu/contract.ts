/** Lowers contractions: to tiles, or to one invocation for each element of the result. */

import { guardText, positionText, unravel } from '../../codegen/affine.ts';
import { type Known, storeStatements, valueStatements } from '../../codegen/program-text.ts';
import { loopProgram, simplify } from '../../codegen/simplify.ts';
import type { Access, ContractKernel } from '../../kernel/kernel.ts';
import { accessesOf } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import { sizeOf } from '../../kernel/shape.ts';
import { type Dispatch, type KernelContext, shaderDispatch } from './dispatch.ts';
import { gemmDispatches, type TileChoice, type TiledProduct, tiledProduct } from './gemm.ts';
import { chooseTile } from './tile-choice.ts';
import { tilesFor } from './tiles.ts';

export function contractDispatches(kernel: ContractKernel, context: KernelContext): Dispatch[] {
  if (sizeOf([...kernel.batch, ...kernel.m, ...kernel.n]) === 0) return [];
  const product = tiledProduct(kernel, context);
  const choice = product === null ? null : chooseTileFor(product, context);
  return product === null || choice === null
    ? elementDispatches(kernel, context)
    : gemmDispatches(product, choice, context);
}

/** On software devices, products with fewer operations than this take less time than compiling the shader of a tile. */
const fewestOperations = 2 ** 28;

function chooseTileFor({ kernel, sizes }: TiledProduct, { device, buffers }: KernelContext): TileChoice | null {
  if (device.onlyTile !== undefined) return device.onlyTile;
  if (device.software && 2 * sizes.batch * sizes.m * sizes.n * sizes.k < fewestOperations) return null;
  const half = [kernel.a, kernel.b].every(({ buffer }) => nth(buffers, buffer).dtype === 'f16');
  return chooseTile(sizes, tilesFor(device, half), device.tileTimes ?? {});
}

/** One invocation for each element: for empty sums, dtypes whose sums wrap within bytes, and devices too small for tiles. */
function elementDispatches(kernel: ContractKernel, context: KernelContext): Dispatch[] {
  const { batch, m, n, k, dtype } = kernel;
  const domain = [...batch, ...m, ...n];
  const elements = sizeOf(domain);
  const size = Math.min(64, context.device.invocations);
  const { reads, writes } = accessesOf(kernel);
  const epilogue = simplify(loopProgram(kernel.epilogue, domain));
  return [
    shaderDispatch({
      name: kernel.name,
      context,
      reads: reads.map(({ buffer }) => buffer),
      writes: writes.map(({ buffer }) => buffer),
      workgroupSize: size,
      groups: Math.ceil(elements / size),
      body: (dialect) => {
        const names = (prefix: string, shape: readonly number[]): string[] =>
          shape.map((_, axis) => `${prefix}${axis}`);
        const axes = names('i', domain);
        const inner = names('k', k);
        const [b, rows, columns] = [
          axes.slice(0, batch.length),
          axes.slice(batch.length, batch.length + m.length),
          axes.slice(batch.length + m.length),
        ];
        const operand = (name: string, access: Access, indices: readonly string[]): string[] => {
          const { buffer, view } = access;
          const element = dialect.load(buffer, positionText(view, indices));
          const condition = guardText(view, indices);
          if (condition === null) return [dialect.constant(name, dtype, element)];
          return [
            dialect.variable(name, dtype, dialect.literal(0, dtype)),
            `if (${condition}) { ${name} = ${element}; }`,
          ];
        };
        const known: Known = new Map();
        for (const [value, operation] of epilogue.operations.entries())
          if (operation.op === 'accumulator') known.set(value, 'accumulator');
        const lines = [
          `let flat = i32(group_index * ${size}u + lane);`,
          `if (flat >= ${elements}) { return; }`,
          ...unravel(dialect, 'flat', domain, axes),
          dialect.variable('accumulator', dtype, dialect.literal(0, dtype)),
          `for (var step: i32 = 0; step < ${sizeOf(k)}; step += 1) {`,
          ...unravel(dialect, 'step', k, inner),
          ...operand('left', kernel.a, [...b, ...rows, ...inner]),
          ...operand('right', kernel.b, [...b, ...inner, ...columns]),
          `accumulator = ${dialect.join('sum', 'accumulator', dialect.binary('mul', 'left', 'right', dtype, dtype), dtype)};`,
          '}',
          ...valueStatements(
            epilogue,
            epilogue.stores.map(({ value }) => value),
            known,
            axes,
            dialect,
          ),
          ...storeStatements(epilogue.stores, known, axes, dialect),
        ];
        return { main: lines.join('\n') };
      },
    }),
  ];
}
