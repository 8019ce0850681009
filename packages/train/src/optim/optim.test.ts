/** Optimizers, compared with PyTorch's algorithms, and gradient clipping. */
import { backward, grad } from '@tessera/autograd';
import { Buffer, Linear, Module, Parameter } from '@tessera/nn';
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { AdamW } from './adamw.ts';
import { clipGradNorm } from './clip-grad-norm.ts';
import { clipGradValue } from './clip-grad-value.ts';
import { noDecay } from './optimizer.ts';
import { SGD } from './sgd.ts';
import { draw, numbers, valuesOf } from './testing/torch-numbers.ts';

const start = [1, -2, 0.5];
const gradients = [
  [0.3, -0.1, 2],
  [-0.2, 0.4, 1],
  [0.1, 0.1, -3],
];
const f64 = (values: readonly number[]): Tensor => tensor(Float64Array.from(values));
const parameter = (values: readonly number[] = start): Parameter => new Parameter(f64(values));

const close = async (own: Tensor, expected: readonly number[]): Promise<void> => {
  const values = await own.data();
  expect(values.length).toBe(expected.length);
  expected.forEach((value, k) => {
    expect(values[k]).toBeCloseTo(value, 12);
  });
};

describe.each(['reference', 'wasm'])('on %s', (backend) => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend(backend);
  });

  describe('AdamW', () => {
    /** PyTorch's algorithm, one number at a time. */
    function adamw(
      rates: readonly number[],
      [beta1, beta2]: readonly [number, number],
      eps: number,
      decay: number,
    ): number[] {
      return start.map((initial, k) => {
        let [p, m, v] = [initial, 0, 0];
        rates.forEach((lr, index) => {
          const g = gradients[index]?.[k] as number;
          p *= 1 - lr * decay;
          m = beta1 * m + (1 - beta1) * g;
          v = beta2 * v + (1 - beta2) * g * g;
          const corrected = Math.sqrt(v) / Math.sqrt(1 - beta2 ** (index + 1)) + eps;
          p -= ((lr / (1 - beta1 ** (index + 1))) * m) / corrected;
        });
        return p;
      });
    }
    const rates = [0.1, 0.05, 0.2];

    test("follows PyTorch's algorithm, with the rate as a number or a tensor", async () => {
      const expected = adamw(rates, [0.9, 0.98], 1e-6, 0.2);
      for (const asTensor of [false, true]) {
        const p = parameter();
        const optimizer = new AdamW([p], { betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.2 });
        rates.forEach((lr, k) => {
          optimizer.step([f64(gradients[k] as number[])], asTensor ? f64([lr]) : lr);
        });
        await close(p, expected);
        expect(await optimizer.stateDict().get('step')?.item()).toBe(3);
      }
    });

    test('in f32 the bias correction has no cancellation', async () => {
      const p = new Parameter(tensor([0]));
      const optimizer = new AdamW([p], { lr: 1, betas: [0.9, 0.999], eps: 0, weightDecay: 0 });
      // The first step of Adam is the sign of the gradient, whatever its size.
      optimizer.step([tensor([1e-4])]);
      expect(await p.item()).toBeCloseTo(-1, 6);
    });

    test('a compiled step does the same, its learning rate an input', async () => {
      const p = parameter();
      const optimizer = new AdamW([p], { weightDecay: 0.2 });
      const step = compile((g: Tensor, lr: Tensor) => {
        optimizer.step([g], lr);
        return p.sum();
      });
      for (const [k, lr] of rates.entries()) await step(f64(gradients[k] as number[]), f64([lr]));
      await close(p, adamw(rates, [0.9, 0.999], 1e-8, 0.2));
      step.dispose();
    });

    test('continues from its saved state', async () => {
      const expected = adamw(rates, [0.9, 0.999], 1e-8, 0.01);
      const p = parameter();
      const first = new AdamW([['w', p]]);
      first.step([f64(gradients[0] as number[])], 0.1);
      const saved = new Map<string, Tensor>();
      for (const [name, value] of first.stateDict())
        saved.set(name, tensor(await value.data(), { shape: value.shape }));
      expect([...saved.keys()]).toEqual(['step', 'bias_correction1', 'bias_correction2', 'exp_avg.w', 'exp_avg_sq.w']);

      const second = new AdamW([['w', p]]);
      second.loadStateDict(saved);
      second.step([f64(gradients[1] as number[])], 0.05);
      second.step([f64(gradients[2] as number[])], 0.2);
      await close(p, expected);
    });

    describe('a parameter whose gradients begin late', () => {
      const pair = (): [Parameter, Parameter] => [new Parameter(tensor([0])), new Parameter(tensor([0]))];
      const named = ([a, b]: readonly Parameter[]) => Object.entries({ a, b }) as [string, Parameter][];

      test('takes a first step of the learning rate, also in a compiled step', async () => {
        const parameters = pair();
        const optimizer = new AdamW(named(parameters), { lr: 0.1, betas: [0.9, 0.999], weightDecay: 0 });
        const alone = compile((g: Tensor) => optimizer.step([g, null]));
        const together = compile((g: Tensor) => optimizer.step([g, g]));
        for (let k = 0; k < 1000; k++) await alone(tensor([0.3]));
        const [before] = await valuesOf(parameters);
        await together(tensor([0.3]));
        expect((await parameters[1].data())[0]).toBeCloseTo(-0.1, 6);
        expect(((await parameters[0].data())[0] as number) - (before as number)).toBeCloseTo(-0.1, 5);
        for (let k = 0; k < 5; k++) await together(tensor([0.3]));
        expect((await parameters[1].data())[0]).toBeCloseTo(-0.6, 5);
        alone.dispose();
        together.dispose();
      });

      test('counts its own steps when compiled steps with and without it take turns', async () => {
        const take = async (compiled: boolean): Promise<number[]> => {
          const parameters = pair();
          const optimizer = new AdamW(named(parameters), { lr: 0.1, betas: [0.8, 0.9] });
          const both = (a: Tensor, b: Tensor) => optimizer.step([a, b]);
          const one = (a: Tensor) => optimizer.step([a, null]);
          const steps = compiled ? { both: compile(both), one: compile(one) } : { both, one };
          for (const k of [1, 2, 3, 4]) {
            await steps.both(tensor([0.3 * k]), tensor([-0.2 * k]));
            await steps.one(tensor([0.1 / k]));
          }
          return valuesOf(parameters);
        };
        const expected = await take(false);
        (await take(true)).forEach((value, k) => {
          expect(value).toBeCloseTo(expected[k] as number, 6);
        });
      });

      test('keeps its own count in the saved state', async () => {
        const steps = [
          [0.3, null],
          [0.2, 0.5],
          [null, 0.1],
          [0.4, -0.3],
        ] as const;
        const take = (optimizer: AdamW, from: number, to: number): void => {
          for (const row of steps.slice(from, to))
            optimizer.step(
              row.map((g) => (g === null ? null : tensor([g]))),
              0.1,
            );
        };
        const [whole, parts] = [pair(), pair()];
        take(new AdamW(named(whole)), 0, 4);
        const first = new AdamW(named(parts));
        take(first, 0, 3);
        const saved = first.stateDict();
        expect(await saved.get('missed_steps')?.toArray()).toEqual([1, 1]);
        const second = new AdamW(named(parts));
        second.loadStateDict(saved);
        take(second, 3, 4);
        expect(await valuesOf(parts)).toEqual(await valuesOf(whole));
        // A state without it, as of an optimizer whose parameters all have gradients, resets it.
        second.loadStateDict(new AdamW(named(pair())).stateDict());
        expect(second.stateDict().has('missed_steps')).toBe(false);
      });
    });

    test('a state that does not fit is refused', () => {
      const optimizer = new AdamW([['w', parameter()]]);
      const state = new AdamW([['v', parameter([1])]]).stateDict();
      expect(() => optimizer.loadStateDict(state)).toThrow('missing: exp_avg.w');
      expect(() => optimizer.loadStateDict(state)).toThrow('unexpected: exp_avg.v (did you mean exp_avg.w?)');
      const smaller = new AdamW([['w', parameter([1])]]).stateDict();
      expect(() => optimizer.loadStateDict(smaller)).toThrow(
        'exp_avg.w is f64 [3] in the optimizer and f64 [1] in the state',
      );
    });
  });

  describe('SGD', () => {
    /** PyTorch's algorithm, one number at a time. */
    function sgd(lr: number, momentum: number, nesterov: boolean, decay: number): number[] {
      return start.map((initial, k) => {
        let [p, b] = [initial, 0];
        gradients.forEach((row) => {
          const g = (row[k] as number) + decay * p;
          b = momentum * b + g;
          p -= lr * (nesterov ? g + momentum * b : b);
        });
        return p;
      });
    }

    test.each([
      [0, false, 0],
      [0.9, false, 0.1],
      [0.9, true, 0.1],
    ])('momentum %d, nesterov %s, decay %d', async (momentum, nesterov, weightDecay) => {
      const p = parameter();
      const optimizer = new SGD([p], { lr: 0.1, momentum, nesterov, weightDecay });
      for (const row of gradients) optimizer.step([f64(row)]);
      await close(p, sgd(0.1, momentum, nesterov, weightDecay));
    });

    test('nesterov without momentum is refused', () => {
      expect(() => new SGD([parameter()], { nesterov: true })).toThrow('SGD: nesterov needs a momentum above 0');
    });
  });

  describe('parameter groups', () => {
    test("CLIP's and timm's exclusions: few dimensions, and names", () => {
      const matrix = new Parameter(zeros([2, 2]));
      expect(noDecay.match('visual.proj', matrix)).toBe(false);
      const clip = ['visual.layer1.0.bn1.weight', 'ln_final.weight', 'x.bias', 'logit_scale'];
      const plain = ['visual.pos_embed', 'cls_token', 'blocks.0.attn.relative_position_bias_table', 'col_embed'];
      for (const name of ['visual.patch_embed.proj.weight', 'token_embedding.weight'])
        expect(noDecay.match(name, matrix)).toBe(false);
      for (const name of [...clip, ...plain]) expect(noDecay.match(name, matrix)).toBe(true);
      expect(noDecay.match('visual.class_embedding', new Parameter(zeros([2])))).toBe(true);
    });

    test('the first matching group decides decay and rate', async () => {
      const [decayed, kept, slow] = [parameter([1]), parameter([1]), parameter([1])];
      const optimizer = new SGD(
        [
          ['a', decayed],
          ['b', kept],
          ['slow', slow],
        ],
        {
          weightDecay: 0.5,
          groups: [
            { match: (name) => name === 'b', weightDecay: 0 },
            { match: (name) => name === 'slow', lrScale: 0.1 },
          ],
        },
      );
      optimizer.step([f64([0]), f64([0]), f64([0])], 0.2);
      await close(decayed, [0.9]);
      await close(kept, [1]);
      await close(slow, [0.99]);
    });

    test('a parameter without gradient is not changed', async () => {
      const [a, b] = [parameter([1]), parameter([1])];
      new AdamW(
        [
          ['a', a],
          ['b', b],
        ],
        { weightDecay: 0.5 },
      ).step([null, f64([1])], 0.1);
      await close(a, [1]);
      expect(await b.item()).toBeLessThan(1);
    });

    test('the state is named after the parameters of a module', () => {
      class Net extends Module {
        readonly head = new Linear(2, 1);
      }
      const state = new SGD(new Net().parameters(), { momentum: 0.9 }).stateDict();
      expect([...state.keys()]).toEqual(['momentum_buffer.head.weight', 'momentum_buffer.head.bias']);
    });
  });

  describe('clipGradNorm', () => {
    test('scales all gradients by one factor', async () => {
      const { gradients: clipped, norm } = clipGradNorm([f64([3, 0]), null, f64([4])], 1);
      await close(norm, [5]);
      await close(clipped[0] as Tensor, [3 / (5 + 1e-6), 0]);
      expect(clipped[1]).toBeNull();
      await close(clipped[2] as Tensor, [4 / (5 + 1e-6)]);
    });

    test('does not change short gradients, nor any without a bound', async () => {
      await close(clipGradNorm([f64([0.3])], 1).gradients[0] as Tensor, [0.3]);
      const { gradients: same, norm } = clipGradNorm([f64([30])], Number.POSITIVE_INFINITY);
      await close(same[0] as Tensor, [30]);
      await close(norm, [30]);
      expect(() => clipGradNorm([], -1)).toThrow('maxNorm must be at least 0, got -1');
      expect(() => clipGradNorm([], 1, { normType: 0 })).toThrow('normType must be above 0, or Infinity, got 0');
      await close(clipGradNorm([f64([3, 4])], 0).gradients[0] as Tensor, [0, 0]);
    });

    test.each(numbers.clipping)(
      "is PyTorch's with norm type $normType",
      async ({ normType, norm, gradients: expected }) => {
        const raw = numbers.shapes.map((shape, k) => draw(100 + k, shape, 'f64'));
        const order = normType === 'inf' ? Number.POSITIVE_INFINITY : normType;
        const clipped = clipGradNorm(raw, 1.5, { normType: order });
        // The power of a tensor is not correctly rounded on every backend.
        expect((await clipped.norm.item()) / norm).toBeCloseTo(1, 9);
        (await valuesOf(clipped.gradients)).forEach((value, k) => {
          expect(value).toBeCloseTo(expected[k] as number, 9);
        });
      },
    );

    test('of nothing, and of empty gradients, the norm is 0', async () => {
      for (const normType of [1, 2, Number.POSITIVE_INFINITY]) {
        expect(await clipGradNorm([null], 1, { normType }).norm.item()).toBe(0);
        expect(await clipGradNorm([zeros([0, 3])], 1, { normType }).norm.item()).toBe(0);
      }
    });

    test('reports a norm that is not finite, if that is wanted', async () => {
      const broken = [f64([1, Number.POSITIVE_INFINITY])];
      expect(() => clipGradNorm(broken, 1, { errorIfNonfinite: true })).toThrow(
        'clipGradNorm: the norm of order 2 of the gradients is Infinity; their shapes are [2]',
      );
      expect(() => clipGradNorm([f64([1])], 1, { errorIfNonfinite: true })).not.toThrow();
      const step = compile((g: Tensor) => clipGradNorm([g], 1, { errorIfNonfinite: true }).norm);
      await expect(step(f64([1]))).rejects.toThrow('a value cannot be read while a compiled function is recorded');
    });
  });

  test('clipGradValue limits each element', async () => {
    const [first, second] = clipGradValue([f64([-3, 0.5, 4]), null], 1);
    await close(first as Tensor, [-1, 0.5, 1]);
    expect(second).toBeNull();
    await close(clipGradValue([f64([-3])], Number.POSITIVE_INFINITY)[0] as Tensor, [-3]);
    expect(() => clipGradValue([], -1)).toThrow('clipValue must be at least 0, got -1');
  });

  test('what does not fit is refused', () => {
    const optimizer = new AdamW([['w', parameter()]]);
    expect(() => optimizer.step([])).toThrow('AdamW.step: 0 gradients for 1 parameters');
    expect(() => optimizer.step([f64([1])])).toThrow('the gradient of w has shape [1], the parameter [3]');
    expect(() => optimizer.step([f64([1, 2, 3])], f64([1, 2]))).toThrow('must be one number');
    expect(() => optimizer.step([tensor([1, 2, 3])])).toThrow(
      'AdamW.step: the gradient of w is f32, the parameter f64; cast the gradient',
    );
    expect(() => new AdamW([])).toThrow('AdamW: no parameters to optimize');
    expect(() => new AdamW([parameter()], { betas: [0.9] as never })).toThrow(
      'AdamW: betas must be two numbers, got [0.9]',
    );
    expect(
      () =>
        new AdamW([
          ['w', parameter()],
          ['w', parameter()],
        ]),
    ).toThrow('two parameters have the same name');
    expect(() => new AdamW([parameter()], { lr: -1 })).toThrow('lr must be a finite number of at least 0, got -1');
    expect(() => new AdamW([parameter()], { betas: [0.9, 1] })).toThrow('AdamW: betas must be in [0, 1)');
    expect(() => new AdamW([parameter()], { weight_decay: 0.1 } as object)).toThrow(
      'AdamW: there is no option weight_decay; names are in camel case: weightDecay',
    );
    const twice = parameter();
    expect(() => new SGD([twice, twice])).toThrow(
      'SGD: the same parameter was passed twice, as 0 and as 1; each step would update it twice',
    );
  });

  test('a rate that is a tensor is read in each step, also in a compiled one', async () => {
    const rate = new Buffer(f64([0.5]));
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: rate });
    const step = compile((g: Tensor) => optimizer.step([g]));
    await step(f64([1]));
    rate.assign(f64([0.25]));
    await step(f64([1]));
    await close(p, [0.25]);
    step.dispose();
    expect(() => new SGD([p], { lr: f64([1, 2]) })).toThrow('SGD.lr must be one number, got a tensor of shape [2]');
  });

  test('the gradients of backward() are the default, and their absence means no change', async () => {
    const [used, unused] = [parameter([2, 3, 4]), parameter([1])];
    const optimizer = new SGD(
      [
        ['used', used],
        ['unused', unused],
      ],
      { lr: 0.5, weightDecay: 0.1 },
    );
    backward(used.square().sum());
    optimizer.step();
    await close(used, [2 - 0.5 * 4.2, 3 - 0.5 * 6.3, 4 - 0.5 * 8.4]);
    await close(unused, [1]);
    optimizer.zeroGrad();
    expect([used.grad, unused.grad]).toEqual([null, null]);
  });

  test('a small problem is solved', async () => {
    const layer = new Linear(2, 1).to('f64');
    const inputs = tensor(Float64Array.of(0, 0, 0, 1, 1, 0, 1, 1), { shape: [4, 2] });
    const targets = tensor(Float64Array.of(1, 3, 0, 2), { shape: [4, 1] });
    const optimizer = new AdamW(layer.parameters(), { lr: 0.1, weightDecay: 0 });
    const step = compile(() => {
      const loss = layer.forward(inputs).sub(targets).square().mean();
      optimizer.step(grad(loss, layer.parameters()));
      return loss;
    });
    let loss = Number.POSITIVE_INFINITY;
    for (let k = 0; k < 300; k++) loss = await (await step()).item();
    expect(loss).toBeLessThan(1e-6);
    const weights = await layer.weight.data();
    expect(weights[0]).toBeCloseTo(-1, 2);
    expect(weights[1]).toBeCloseTo(2, 2);
    step.dispose();
  });
});

test('a model and its optimizer move to another backend between steps, and training continues as if they had not', async () => {
  registerReferenceBackends();
  setDefaultBackend('reference-kernels');
  const train = async (moveTo: string | null): Promise<number[]> => {
    const weight = new Parameter(tensor(start));
    const optimizer = new AdamW([['weight', weight]], { lr: 0.1 });
    const step = compile((gradient: Tensor) => optimizer.step([gradient.mul(weight)]));
    for (const [k, values] of gradients.entries()) {
      if (k === 1 && moveTo !== null) await optimizer.to(moveTo);
      await step(tensor(values, { backend: k > 0 && moveTo !== null ? moveTo : 'reference-kernels' }));
    }
    return [...(await weight.data())];
  };
  expect(await train('wasm')).toEqual((await train(null)).map((value) => expect.closeTo(value, 5)));
});
