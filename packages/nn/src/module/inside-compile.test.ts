/** Modules that a compiled function builds and loads itself, from views of what it is given. */
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { Linear } from '../layers/linear.ts';
import { Parameter } from './parameter.ts';

registerReferenceBackends();

/** [3, 4], stored: what it was computed from is forgotten. */
async function stored(factor: number): Promise<Tensor> {
  const values = tensor(Array.from({ length: 12 }, (_, k) => factor * (k + 1))).reshape([3, 4]);
  await values.data();
  return values;
}

/** The state of a Linear of 4 inputs and 2 outputs: views of [3, 4]. */
const viewsOf = (x: Tensor) => ({ weight: x.slice(0, 0, 2), bias: x.select(0, 2).slice(0, 0, 2) });

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'a parameter that begins as a view': (x) => new Parameter(x.slice(0, 0, 2)).mul(2),
  'a parameter that begins as a transposed view': (x) => new Parameter(x.transpose(0, 1)).mul(2),
  'a layer that is loaded from views': (x) => {
    const layer = new Linear(4, 2);
    layer.loadStateDict(viewsOf(x));
    return layer.forward(x);
  },
  'a layer that is cast and loaded from views': (x) => {
    const layer = new Linear(4, 2).to('f64');
    layer.loadStateDict(viewsOf(x));
    return layer.forward(x.cast('f64')).cast('f32');
  },
};

describe.each(['reference', 'wasm'])('on %s, a compiled function', (backend) => {
  it.each(Object.entries(functions))('has the same result as outside: %s', async (_, fn) => {
    setDefaultBackend(backend);
    const compiled = compile(fn);
    for (const factor of [1, 10, -3]) {
      const x = await stored(factor);
      const [inside, outside] = [await compiled(x), fn(x)];
      expect([...(await inside.data())]).toEqual([...(await outside.data())]);
    }
    compiled.dispose();
  });
});

it('a view of a stored value is computed by itself', async () => {
  setDefaultBackend('wasm');
  const x = await stored(1);
  expect([...(await new Parameter(x.slice(0, 1, 3)).data())]).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
});
