/** Check cases of lists and dictionaries of modules and parameters. */
import { zeros } from '@tessera/tensor';
import { layerCase, normal } from '../cases/index.ts';
import { normal as normalValues } from '../init/init.ts';
import { ModuleDict, ModuleList, ParameterDict, ParameterList } from './containers.ts';
import { Linear } from './linear.ts';

const vector = () => normalValues()([3]);

export default [
  layerCase({
    name: 'ModuleList',
    build: () => new ModuleList([new Linear(3, 4), new Linear(4, 2)]),
    forward: (list, _, x) => [...list].reduce((value, layer) => layer.forward(value), x),
    torch: {
      build: 'lambda: nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 2)])',
      forward: 'lambda layers, x: layers[1](layers[0](x))',
    },
    cases: [{ name: 'module-list-f64', inputs: { x: normal([2, 3]) } }],
  }),
  layerCase({
    name: 'ModuleDict',
    build: () => new ModuleDict({ down: new Linear(3, 2), up: new Linear(2, 3) }),
    forward: (layers, _, x) => layers.get('up').forward(layers.get('down').forward(x)),
    torch: {
      build: "lambda: nn.ModuleDict({'down': nn.Linear(3, 2), 'up': nn.Linear(2, 3)})",
      forward: "lambda layers, x: layers['up'](layers['down'](x))",
    },
    cases: [{ name: 'module-dict-f64', inputs: { x: normal([2, 3]) } }],
  }),
  layerCase({
    name: 'ParameterList',
    build: () => new ParameterList([vector(), vector()]),
    forward: (list, _, x) => x.mul(list.get(0)).add(list.get(-1)),
    torch: {
      build: 'lambda: nn.ParameterList([nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))])',
      forward: 'lambda values, x: x * values[0] + values[1]',
    },
    cases: [{ name: 'parameter-list-f64', inputs: { x: normal([2, 3]) } }],
  }),
  layerCase({
    name: 'ParameterDict',
    build: () =>
      new ParameterDict([
        ['scale', vector()],
        ['shift', zeros([3])],
      ]),
    forward: (values, _, x) => x.mul(values.get('scale')).add(values.get('shift')),
    torch: {
      build: "lambda: nn.ParameterDict({'scale': nn.Parameter(torch.zeros(3)), 'shift': nn.Parameter(torch.zeros(3))})",
      forward: "lambda values, x: x * values['scale'] + values['shift']",
    },
    cases: [{ name: 'parameter-dict-f64', inputs: { x: normal([2, 3]) } }],
  }),
];
