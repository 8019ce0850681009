/** Check cases of Attention. */
import { functional as F } from '@tessera/nn';
import { layerCase, normal } from '@tessera/nn/cases';
import { concat, type Tensor, zeros } from '@tessera/tensor';
import { type Grid, gridCoordinates } from '../tower/grid.ts';
import { Attention } from './attention.ts';

/** Angles of the grid's patches, after zeros for the tokens in front of them. */
function gridAngles(grid: Grid, headWidth: number, prefix: number, dtype: Tensor['dtype']): Tensor {
  const { row, column } = gridCoordinates(grid);
  const angles = F.rotaryAngles2d(row.cast(dtype), column.cast(dtype), headWidth);
  return concat([zeros([prefix, headWidth / 2], { dtype: angles.dtype }), angles]);
}

export default layerCase({
  name: 'Attention',
  build: (c) => new Attention(c.number('width'), c.number('heads')),
  forward: (module, c, x) => {
    if (!c.has('rotary_grid')) return module.forward(x);
    const headWidth = c.number('width') / c.number('heads');
    return module.forward(x, { rotary: gridAngles(c.both('rotary_grid'), headWidth, c.number('prefix'), x.dtype) });
  },
  torch: { build: 'vision_transformer.Attention', fill: 'fills.fill_vectors' },
  cases: [
    { name: 'vit-attention-f64', config: { width: 12, heads: 3 }, inputs: { x: normal([2, 7, 12]) } },
    {
      name: 'vit-attention-rotary-f64',
      config: { width: 16, heads: 2, rotary_grid: [2, 3], prefix: 1 },
      inputs: { x: normal([2, 7, 16]) },
    },
  ],
});
