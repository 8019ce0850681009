/** Check cases of Bottleneck. */
import { layerCase, normal } from '@tessera/nn/cases';
import { Bottleneck } from './bottleneck.ts';

export default layerCase({
  name: 'Bottleneck',
  build: (c) => new Bottleneck(c.number('inplanes'), c.number('planes'), c.number('stride', 1)),
  cases: [
    {
      name: 'stride 2',
      config: { inplanes: 4, planes: 2, stride: 2 },
      inputs: { x: normal([2, 4, 4, 4]) },
      only: 'gradcheck',
    },
  ],
});
