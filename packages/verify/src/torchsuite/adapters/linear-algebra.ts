/** Products of matrices and vectors. */
import { einsum } from '@tessera/tensor';
import { type Adapter, type Adapters, unsupported } from './call.ts';

const product: Adapter = (args) => args[0].matmul(args[1]);

const repeatsALabel = (labels: string): boolean => {
  const letters = labels.replaceAll(' ', '');
  return new Set(letters).size !== letters.length;
};

export const linearAlgebra: Adapters = {
  matmul: product,
  mm: product,
  bmm: product,
  mv: product,
  dot: product,
  __rmatmul__: (args) => args[1].matmul(args[0]),
  inner: ([a, b]) => (a.ndim === 0 || b.ndim === 0 ? a.mul(b) : unsupported('no inner')),
  addmm: () => unsupported('no addmm'),
  einsum: (args) => {
    const equation: string = args.find((value) => typeof value === 'string') ?? '';
    if (equation.includes('...')) unsupported("einsum '...'");
    const operands = args.filter((value) => value !== equation).flat();
    if (operands.length > 2) unsupported('einsum of three or more');
    const [inputs = ''] = equation.split('->');
    if (inputs.split(',').some(repeatsALabel)) unsupported('einsum diagonal');
    return einsum(equation, ...operands);
  },
};
