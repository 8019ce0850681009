/** Collectives as steps of programs: what is exchanged when, and that values survive until they are needed after an exchange. */
import { afterAll, describe, expect, it } from 'vitest';
import { registerReferenceBackends } from './backends/reference/backend.ts';
import { createWasmBackend } from './backends/wasm/index.ts';
import { allGather, allReduce, allToAll, reduceScatter } from './collectives.ts';
import { compile } from './compile.ts';
import { tensor } from './functions.ts';
import type { Backend } from './kernel/backend.ts';
import { disposeBackends, openBackend, UnsupportedDTypeError } from './kernel/backend.ts';
import type { Tensor } from './tensor.ts';
import { MirrorCommunicator } from './testing/mirror-communicator.ts';

const backends: [string, () => Promise<Backend> | Backend][] = [
  ['reference', () => openBackend('reference')],
  ['reference-kernels', () => openBackend('reference-kernels')],
  ['wasm', () => createWasmBackend({ threads: 2, poison: true })],
  [
    'wasm with two memories and small pages',
    () => createWasmBackend({ threads: 1, memories: 2, pageBytes: 128, poison: true }),
  ],
];

registerReferenceBackends();
afterAll(disposeBackends);

describe.each(backends)('on %s', (_, open) => {
  const values = Float32Array.from({ length: 24 }, (_, i) => i);

  it('moves and reduces along axis 0', async () => {
    const backend = await open();
    const x = tensor(values, { shape: [4, 6], backend });
    const two = new MirrorCommunicator(2, 1);
    expect([...(await allReduce(x, two).data())]).toEqual([...values.map((v) => 2 * v)]);
    expect([...(await allReduce(x, two, 'max').data())]).toEqual([...values]);
    const gathered = allGather(x, two);
    expect(gathered.shape).toEqual([8, 6]);
    expect([...(await gathered.data())]).toEqual([...values, ...values]);
    expect([...(await reduceScatter(x, two).data())]).toEqual([...values.slice(12).map((v) => 2 * v)]);
    expect([...(await allToAll(x, two).data())]).toEqual([...values.slice(12), ...values.slice(12)]);
  });

  it('exchanges views, constants, parts of joined values, and nothing', async () => {
    const backend = await open();
    const two = new MirrorCommunicator(2);
    const x = tensor(values, { shape: [4, 6], backend });
    const columns = [...(await x.transpose(0, 1).contiguous().data())];
    expect([...(await allReduce(x.transpose(0, 1), two).data())]).toEqual(columns.map((v) => 2 * v));
    expect(
      await allReduce(x.slice(0, 1, 3).mul(0).add(1), two)
        .sum()
        .item(),
    ).toBe(24);
    const joined = x.add(allReduce(x, two).mul(0)).reshape([-1]);
    expect(await allReduce(joined, two).sum().item()).toBe(2 * 276);
    expect((await allGather(x.slice(0, 0, 0), two).data()).length).toBe(0);
  });

  it('keeps what is needed after an exchange, in every run', async () => {
    const backend = await open();
    const two = new MirrorCommunicator(2);
    const step = compile((x: Tensor) => {
      const before = x.mul(3).sum([1], true);
      const statistics = allReduce(before.mean([0], true), two);
      const centered = x.sub(statistics).square();
      const total = allReduce(centered.sum([1]), two);
      return { total: total.add(before.reshape([-1])), centered };
    });
    const expected = (shift: number): number[] => {
      const rows = Array.from({ length: 4 }, (_, r) => Array.from(values.slice(6 * r, 6 * r + 6), (v) => v + shift));
      const before = rows.map((row) => 3 * row.reduce((a, b) => a + b));
      const statistic = (2 * before.reduce((a, b) => a + b)) / 4;
      return rows.map((row, r) => 2 * row.reduce((sum, v) => sum + (v - statistic) ** 2, 0) + (before[r] as number));
    };
    // Queued together: no run may see the values of another.
    const runs = [0, 1, 2].map((shift) =>
      step(
        tensor(
          values.map((v) => v + shift),
          { shape: [4, 6], backend },
        ),
      ),
    );
    for (const [shift, run] of runs.entries()) {
      const total = [...(await (await run).total.data())];
      const exact = expected(shift);
      for (const [r, value] of total.entries()) expect(value / (exact[r] as number)).toBeCloseTo(1, 5);
    }
  });

  it('updates state after an exchange', async () => {
    const backend = await open();
    const two = new MirrorCommunicator(2);
    const weight = tensor([1, 2, 3], { backend });
    const step = compile((x: Tensor) => {
      const gradient = allReduce(weight.mul(x), two);
      weight.assign(weight.sub(gradient.mul(0.25)));
      return gradient;
    });
    await step(tensor([1, 1, 1], { backend }));
    await step(tensor([1, 1, 1], { backend }));
    expect([...(await weight.data())]).toEqual([0.25, 0.5, 0.75]);
    expect(two.calls).toEqual(['allReduce 3', 'allReduce 3']);
  });

  it('f16 is moved as bytes and reduced in f32; integers and booleans as they are', async () => {
    const backend = await open();
    const four = new MirrorCommunicator(4);
    const half = tensor([0.5, 1.25, -2, 3], { dtype: 'f16', backend });
    let halves: Tensor;
    try {
      halves = allGather(half, four);
      expect([...(await halves.data())].slice(4, 8)).toEqual([0.5, 1.25, -2, 3]);
      expect([...(await allReduce(half, four).data())]).toEqual([2, 5, -8, 12]);
    } catch (error) {
      if (!(error instanceof UnsupportedDTypeError)) throw error;
    }
    expect([...(await allReduce(tensor([1, -2], { dtype: 'i32', backend }), four).data())]).toEqual([4, -8]);
    const flags = tensor([true, false], { backend });
    expect([...(await allReduce(flags, four, 'max').data())].map(Number)).toEqual([1, 0]);
    expect(() => allReduce(flags, four)).toThrow('allReduce: cannot sum bool: cast to i32 first');
  });
});

it('exchanges equal values once, and nothing that nobody needs', async () => {
  const two = new MirrorCommunicator(2);
  const x = tensor([1, 2]);
  const step = compile((a: Tensor) => {
    allGather(a, two);
    return allReduce(a, two)
      .add(allReduce(a, two))
      .add(allReduce(a, new MirrorCommunicator(2)));
  });
  expect([...(await (await step(x)).data())]).toEqual([6, 12]);
  expect(two.calls).toEqual(['allReduce 2']);
});

it('says what does not fit', () => {
  const three = new MirrorCommunicator(3);
  const x = tensor(new Float32Array(8), { shape: [4, 2] });
  expect(() => reduceScatter(x, three)).toThrow('reduceScatter: axis 0 of [4, 2] cannot be shared equally by 3 ranks');
  expect(() => allToAll(x, three)).toThrow('allToAll: axis 0 of [4, 2] cannot be shared equally by 3 ranks');
  expect(() => allGather(tensor(1), three)).toThrow('allGather: needs a tensor of at least one axis, got a number');
});

it('an error of the exchange is that of the run, and nothing is exchanged after it', async () => {
  const two = new MirrorCommunicator(2);
  two.allGather = () => {
    throw new Error('rank 1 did not arrive');
  };
  const step = compile((x: Tensor) => allReduce(allGather(x.mul(2), two).add(1), two));
  await expect(step(tensor([1, 2]))).rejects.toThrow('rank 1 did not arrive');
  expect(two.calls).toEqual([]);
});

it('one rank alone exchanges nothing', async () => {
  const one = new MirrorCommunicator(1);
  const x = tensor([1, 2]);
  expect([...(await allReduce(allGather(reduceScatter(allToAll(x, one), one), one), one).data())]).toEqual([1, 2]);
  expect(one.calls).toEqual([]);
});

it('shows exchanges in the program', async () => {
  const two = new MirrorCommunicator(2);
  const step = compile((x: Tensor) => allReduce(x.mul(2), two).add(1));
  const { plan, kernels } = await step.explain(tensor([1, 2]));
  expect(kernels).toContain('collective allReduce sum over 2 ranks f32');
  expect(plan).toMatch(/stage 0\n.*\nallReduce sum over 2 ranks: reads b\d, writes b\d\nstage 1/);
});
