/** SwiGLU: its state and what it refuses. The numbers are held against PyTorch by the check cases. */
import { ones } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { useBackend } from '../testing/backends.ts';
import { SwiGLU } from './swiglu.ts';

test("the names of the state are timm's", () => {
  useBackend('reference');
  const layer = new SwiGLU(4, { hiddenFeatures: 6, outFeatures: 3, norm: true });
  expect([...layer.stateDict().keys()]).toEqual([
    'fc1_g.weight',
    'fc1_g.bias',
    'fc1_x.weight',
    'fc1_x.bias',
    'norm.weight',
    'norm.bias',
    'fc2.weight',
    'fc2.bias',
  ]);
  expect(layer.forward(ones([2, 5, 4])).shape).toEqual([2, 5, 3]);
  expect([...new SwiGLU(4, { bias: false }).stateDict().keys()]).toEqual([
    'fc1_g.weight',
    'fc1_x.weight',
    'fc2.weight',
  ]);
});

test('what makes no sense is refused', () => {
  expect(() => new SwiGLU(4, { activation: 'swish' as 'silu' })).toThrow('SwiGLU: the activation must be relu');
  expect(() => new SwiGLU(4, { dropout: 2 })).toThrow('SwiGLU: the probability must be in [0, 1], got 2');
});
