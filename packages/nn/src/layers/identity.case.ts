/** Check cases of Identity. */
import { layerCase, normal } from '../cases/index.ts';
import { Identity } from './identity.ts';

export default layerCase({
  name: 'Identity',
  build: () => new Identity(),
  cases: [{ name: 'any input', inputs: { x: normal([4, 7]) }, only: 'gradcheck' }],
});
