/** The derivative rule of every operation, against central differences. */
import { Tensor, tensor } from '@tessera/tensor';
import {
  type BinaryOp,
  graph,
  type Node,
  type Op,
  type Smoothness,
  type UnaryOp,
  unaryOperators,
} from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { betweenIntegers, distinct, indices, normal, positive, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

/** A function of nodes and the tensors at which it is checked. */
interface Case {
  readonly name: string;
  readonly inputs: () => Tensor[];
  readonly fn: (...nodes: Node[]) => Node;
}

const onTensors =
  (fn: (...nodes: Node[]) => Node) =>
  (...inputs: Tensor[]): Tensor =>
    Tensor.fromNode(fn(...inputs.map((input) => input.node)));

/** Moves a number to where a function is smooth. */
const intoDomain: Readonly<Record<Smoothness, (x: number) => number>> = {
  everywhere: (x) => x,
  positive,
  nonzero: (x) => Math.sign(x) * positive(x),
  'between integers': betweenIntegers,
  'between halves': (x) => betweenIntegers(x - 0.5) + 0.5,
};

const unaryCases = Object.entries(unaryOperators).map(
  ([kind, { smooth }], k): Case => ({
    name: kind,
    inputs: () => [normal([2, 3], 10 + k, intoDomain[smooth])],
    fn: (x) => graph.unary(kind as UnaryOp, x as Node),
  }),
);

type SmoothBinary = Extract<BinaryOp, 'add' | 'mul' | 'max' | 'copysign'>;
const smoothBinaries: readonly SmoothBinary[] = ['add', 'mul', 'max', 'copysign'];

const binariesOfPositive: readonly Extract<BinaryOp, 'div' | 'pow' | 'mod'>[] = ['div', 'pow', 'mod'];

/** Two axes with different spacing, and overlapping, dilated windows. */
const windows = [
  { axis: 1, size: 3, stride: 1, dilation: 2 },
  { axis: 2, size: 2, stride: 2, dilation: 1 },
];
const windowed = [2, 3, 3, 3, 2];

/** Complete by its type: an operation without cases does not compile. Leaves have no sources to differentiate. */
const cases: { readonly [O in Op]: readonly Case[] | 'no sources' | 'tested apart' } = {
  buffer: 'no sources',
  input: 'no sources',
  const: 'no sources',
  iota: 'no sources',
  random: 'tested apart',
  collective: 'tested apart',
  unary: unaryCases,
  binary: [
    ...smoothBinaries.map((kind) => ({
      name: kind,
      inputs: () => [normal([3, 4], 30), normal([3, 4], 31)],
      fn: (a: Node | undefined, b: Node | undefined) => graph.binary(kind, a as Node, b as Node),
    })),
    ...binariesOfPositive.map((kind) => ({
      name: kind,
      inputs: () => [normal([3, 4], 32, positive), normal([3, 4], 33, positive)],
      fn: (a: Node | undefined, b: Node | undefined) => graph.binary(kind, a as Node, b as Node),
    })),
    {
      name: 'pow with a whole exponent of a negative base',
      inputs: () => [normal([3, 4], 34, (x) => -positive(x))],
      fn: (a) => graph.power(a as Node, 5),
    },
  ],
  where: [
    {
      name: 'where',
      inputs: () => [normal([3, 4], 40), normal([3, 4], 41)],
      fn: (a, b) => {
        const condition = graph.binary('lt', graph.iota([3, 4], 1), graph.constant(2, [3, 4], 'i32'));
        return graph.where(condition, a as Node, b as Node);
      },
    },
  ],
  reduce: [
    ...[[0], [1, 2], [0, 1, 2]].map(
      (axes): Case => ({
        name: `sum over ${axes}`,
        inputs: () => [normal([2, 3, 4], 50)],
        fn: (x) => graph.reduce('sum', x as Node, axes),
      }),
    ),
    ...[[2], [0, 1]].map(
      (axes): Case => ({
        name: `max over ${axes}`,
        inputs: () => [distinct([2, 3, 4], 51)],
        fn: (x) => graph.reduce('max', x as Node, axes),
      }),
    ),
  ],
  reshape: [
    { name: 'reshape', inputs: () => [normal([2, 6], 60)], fn: (x) => graph.reshape(x as Node, [3, 4]) },
    { name: 'reshape to a scalar', inputs: () => [normal([1, 1], 61)], fn: (x) => graph.reshape(x as Node, []) },
  ],
  permute: [
    { name: 'permute', inputs: () => [normal([2, 3, 4, 5], 62)], fn: (x) => graph.permute(x as Node, [2, 0, 3, 1]) },
  ],
  expand: [
    { name: 'expand', inputs: () => [normal([1, 3, 1], 63)], fn: (x) => graph.expand(x as Node, [2, 3, 4]) },
    { name: 'expand to nothing', inputs: () => [normal([1, 3], 64)], fn: (x) => graph.expand(x as Node, [0, 3]) },
  ],
  pad: [{ name: 'pad', inputs: () => [normal([2, 3], 65)], fn: (x) => graph.pad(x as Node, [1, 0], [2, 3]) }],
  shrink: [{ name: 'shrink', inputs: () => [normal([4, 5], 66)], fn: (x) => graph.shrink(x as Node, [1, 0], [3, 2]) }],
  flip: [{ name: 'flip', inputs: () => [normal([2, 3, 2], 67)], fn: (x) => graph.flip(x as Node, [0, 2]) }],
  window: [
    { name: 'window', inputs: () => [normal([2, 7, 7], 68)], fn: (x) => graph.window(x as Node, windows) },
    {
      name: 'window with a remainder that no position reaches',
      inputs: () => [normal([8], 69)],
      fn: (x) => graph.window(x as Node, [{ axis: 0, size: 2, stride: 3, dilation: 1 }]),
    },
  ],
  fold: [{ name: 'fold', inputs: () => [normal(windowed, 70)], fn: (x) => graph.fold(x as Node, [2, 7, 7], windows) }],
  contract: [
    {
      name: 'matrix product',
      inputs: () => [normal([3, 4], 71), normal([4, 2], 72)],
      fn: (a, b) => graph.contract(a as Node, b as Node, { a: [0, 1], b: [1, 2], out: [0, 2] }),
    },
    {
      name: 'batch, several free and several summed axes, in any order',
      inputs: () => [normal([2, 3, 2, 4], 73), normal([4, 2, 5, 2], 74)],
      fn: (a, b) => graph.contract(a as Node, b as Node, { a: [9, 1, 2, 3], b: [3, 9, 4, 2], out: [4, 9, 1] }),
    },
    {
      name: 'outer product',
      inputs: () => [normal([3], 75), normal([2], 76)],
      fn: (a, b) => graph.contract(a as Node, b as Node, { a: [0], b: [1], out: [1, 0] }),
    },
    {
      name: 'scalar product',
      inputs: () => [normal([3], 77), normal([3], 78)],
      fn: (a, b) => graph.contract(a as Node, b as Node, { a: [0], b: [0], out: [] }),
    },
    {
      name: 'one tensor on both sides',
      inputs: () => [normal([3, 3], 79)],
      fn: (a) => graph.contract(a as Node, a as Node, { a: [0, 1], b: [2, 1], out: [0, 2] }),
    },
  ],
  gather: [
    {
      name: 'gather with repeated rows',
      inputs: () => [normal([2, 4, 3], 80), indices([3, 0, 3, 1, 3, 0], [2, 3])],
      fn: (table, index) => graph.gather(table as Node, index as Node, 1),
    },
  ],
  scatterAdd: [
    {
      name: 'scatterAdd into repeated rows',
      inputs: () => [normal([2, 4, 3], 81), indices([2, 0, 2, 2])],
      fn: (values, index) => graph.scatterAdd(values as Node, index as Node, 1, 3),
    },
  ],
  concat: [
    {
      name: 'concat',
      inputs: () => [normal([2, 1, 3], 82), normal([2, 4, 3], 83), normal([2, 2, 3], 84)],
      fn: (...parts) => graph.concat(parts, 1),
    },
    {
      name: 'concat of one tensor with itself',
      inputs: () => [normal([2, 3], 85)],
      fn: (x) => graph.concat([x as Node, x as Node], 0),
    },
  ],
  detach: 'tested apart',
  materialize: [{ name: 'materialize', inputs: () => [normal([2, 3], 86)], fn: (x) => graph.materialize(x as Node) }],
  barrier: [{ name: 'barrier', inputs: () => [normal([2, 3], 87)], fn: (x) => graph.barrier(x as Node) }],
  custom: [
    {
      name: 'custom',
      inputs: () => [normal([2, 3], 88)],
      fn: (x) => {
        const input = x as Node;
        const square = graph.binary('mul', input, input);
        return graph.custom(square, [input], {
          name: 'square',
          backward: (gradient, [source]) => {
            const twice = graph.binary('add', source as Node, source as Node);
            return [graph.binary('mul', gradient, twice)];
          },
        });
      },
    },
  ],
};

const allCases = Object.values(cases).flatMap((entry) => (typeof entry === 'string' ? [] : entry));

describe.each(allCases)('$name', ({ inputs, fn }) => {
  it('agrees with central differences', async () => {
    const { worst, comparisons } = await gradcheck(onTensors(fn), inputs(), { tolerance: 1e-7 });
    expect(comparisons).toBeGreaterThan(0);
    expect(worst).toBeLessThan(1e-7);
  });

  it('has second derivatives that agree with central differences', async () => {
    // A sum of squares, so that linear operations have a second derivative, too.
    const squared = (...nodes: Node[]): Node => {
      const y = fn(...nodes);
      return graph.binary('mul', y, y);
    };
    await gradgradcheck(onTensors(squared), inputs(), { directions: 2 });
  });
});

describe('ties', () => {
  it('maximum sends half of the gradient to each of two equal values', async () => {
    const a = normal([3], 90);
    const b = normal([3], 90);
    const [da, db] = grad(a.maximum(b).sum(), [a, b]) as [Tensor, Tensor];
    expect([...(await da.data())]).toEqual([0.5, 0.5, 0.5]);
    expect([...(await db.data())]).toEqual([0.5, 0.5, 0.5]);
  });

  const equal = (): Tensor => Tensor.fromNode(graph.expand(normal([2, 1], 91).node, [2, 4]));
  const withNaN = (): Tensor => tensor([1, Number.NaN, 3, Number.NaN], { dtype: 'f64' });
  const gradientOf = async (fn: (x: Tensor) => Tensor, x: Tensor): Promise<number[]> => [
    // -0 counts as 0.
    ...(await grad(fn(x).sum(), x).data()).map((g) => g + 0),
  ];

  // PyTorch 2.15's results.
  it('amax and amin share the gradient evenly among all that reach it; of NaN it is NaN', async () => {
    expect(await gradientOf((x) => x.amax(1), equal())).toEqual(new Array(8).fill(0.25));
    expect(
      await gradientOf(
        (x) => x.amin([0, 1]),
        tensor([
          [2, 1],
          [1, 3],
        ]),
      ),
    ).toEqual([0, 0.5, 0.5, 0]);
    expect(await gradientOf((x) => x.amax(), withNaN())).toEqual(new Array(4).fill(Number.NaN));
  });

  it('max and min over axes send the gradient to the first, or to the first NaN', async () => {
    expect(await gradientOf((x) => x.max(1), equal())).toEqual([1, 0, 0, 0, 1, 0, 0, 0]);
    expect(await gradientOf((x) => x.min([0, 1]), equal().mul(0))).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(await gradientOf((x) => x.max(0), withNaN())).toEqual([0, 1, 0, 0]);
  });

  it('max and min over everything share it, among the NaNs if there are some', async () => {
    expect(await gradientOf((x) => x.max(), tensor([1, 3, 3]))).toEqual([0, 0.5, 0.5]);
    expect(await gradientOf((x) => x.min(), tensor([1, 1, 3]))).toEqual([0.5, 0.5, 0]);
    expect(await gradientOf((x) => x.max(), withNaN())).toEqual([0, 0.5, 0, 0.5]);
  });

  it('std of equal values has the gradient 0', async () => {
    expect(await gradientOf((x) => x.std(), tensor([2, 2, 2]))).toEqual([0, 0, 0]);
  });
});

describe('powers at 0', () => {
  const gradients = async (fn: (...x: Tensor[]) => Tensor, ...inputs: number[][]): Promise<number[][]> => {
    const tensors = inputs.map((values) => tensor(values, { dtype: 'f64' }));
    return Promise.all(grad(fn(...tensors).sum(), tensors).map(async (g) => [...(await g.data())]));
  };
  const infinity = Number.POSITIVE_INFINITY;

  // PyTorch 2.15's results.
  it('the base has the gradient of a power, also with a tensor as exponent', async () => {
    const power = (a: Tensor, b: Tensor): Tensor => a.pow(b);
    expect(await gradients(power as never, [0, 0, 0], [0, 1, 2])).toEqual([
      [0, 1, 0],
      [0, 0, 0],
    ]);
    expect(await gradients((a) => (a as Tensor).pow(2), [0, 1])).toEqual([[0, 2]]);
    expect(await gradients((a) => (a as Tensor).pow(-2), [0, infinity])).toEqual([[-infinity, -0]]);
    expect(await gradients((a) => (a as Tensor).pow(0.5), [0])).toEqual([[infinity]]);
    expect(await gradients((a) => (a as Tensor).pow(1.5), [0])).toEqual([[0]]);
  });

  it('an exponent of NaN has the gradient NaN', async () => {
    const power = (a: Tensor, b: Tensor): Tensor => a.pow(b);
    expect(await gradients(power as never, [0], [Number.NaN])).toEqual([[Number.NaN], [Number.NaN]]);
  });
});

describe('casts', () => {
  it('between floating-point types pass the gradient on in the type of the source', async () => {
    const x = normal([3], 92);
    const gradient = grad(x.cast('f32').mul(3).sum(), x);
    expect(gradient.dtype).toBe('f64');
    expect([...(await gradient.data())]).toEqual([3, 3, 3]);
  });

  it('to integers end the derivative', () => {
    const x = normal([3], 93);
    const y = x.mul(2).cast('i32').cast('f64').sum();
    expect(() => grad(y, x)).toThrow('only through detach, noGrad, integers or comparisons');
  });
});

it('random bits carry no derivative to their key', () => {
  const key = indices([1, 2]);
  const bits = Tensor.fromNode(graph.random(key.node, 0, [4]));
  const x = normal([4], 94);
  expect(() => grad(bits.cast('f64').mul(x).sum(), key)).toThrow('not floating point');
});
