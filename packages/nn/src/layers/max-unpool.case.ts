/** Check cases of max unpooling. */
import { type LayerCase, layerCase, normal } from '../cases/index.ts';
import type { Dims, PerAxis } from '../sizes.ts';
import { maxPool1dWithIndices, maxPool2dWithIndices, maxPool3dWithIndices } from './max-pool.ts';
import { MaxUnpool1d, MaxUnpool2d, MaxUnpool3d } from './max-unpool.ts';

const shapes = { 1: [2, 3, 8], 2: [2, 3, 6, 4], 3: [1, 2, 4, 4, 2] } as const;

/** Pooling and unpooling: the values of the maxima remain, at their positions. */
const unpoolCase = <D extends Dims>(
  dims: D,
  build: (size: PerAxis<D>) => MaxUnpool1d | MaxUnpool2d | MaxUnpool3d,
  pool: (x: Parameters<typeof maxPool2dWithIndices>[0], size: PerAxis<D>) => ReturnType<typeof maxPool2dWithIndices>,
): LayerCase =>
  layerCase({
    name: `MaxUnpool${dims}d`,
    build: (c) => build(c.perAxis('kernel_size', dims)),
    forward: (layer, c, x) => {
      const { output, indices } = pool(x, c.perAxis('kernel_size', dims));
      return layer.forward(output, indices);
    },
    torch: {
      build: `nn.MaxUnpool${dims}d`,
      forward: `lambda m, x: m(*F.max_pool${dims}d(x, m.kernel_size, return_indices=True))`,
    },
    cases: [{ name: `maxunpool${dims}d-f64`, config: { kernel_size: 2 }, inputs: { x: normal(shapes[dims]) } }],
  });

export default [
  unpoolCase(1, (size) => new MaxUnpool1d(size), maxPool1dWithIndices),
  unpoolCase(2, (size) => new MaxUnpool2d(size), maxPool2dWithIndices),
  unpoolCase(3, (size) => new MaxUnpool3d(size), maxPool3dWithIndices),
];
