/** What `explain` returns and TESSERA_DEBUG prints. */
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest';
import '../backends/gpujs/index.ts';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import '../backends/wasm/index.ts';
import { compile } from '../compile.ts';
import { tensor } from '../functions.ts';
import { nameScope } from '../graph/node.ts';
import { disposeBackends, openBackend, setDefaultBackend } from '../kernel/backend.ts';
import type { Tensor } from '../tensor.ts';
import { parseDebugForms, programForms } from './program-forms.ts';

registerReferenceBackends();
beforeAll(async () => {
  await openBackend('wasm');
  setDefaultBackend('wasm');
});
afterAll(disposeBackends);

const vector = (...values: number[]): Tensor => tensor(values);

/** Adds its argument to a tensor with a name, and returns twice the sum. */
function accumulator(): (x: Tensor) => Tensor {
  const total = vector(0, 0, 0).mul(1);
  total.name = 'total';
  return (x) => {
    total.assign(nameScope('addition', () => total.add(x)));
    return total.mul(2);
  };
}

describe('explain', () => {
  it('returns every form of the program', async () => {
    const { graph, canonical, kernels, plan, code, times } = await compile(accumulator()).explain(vector(1, 2, 3));
    expect(graph).toBe(
      [
        "n0: f32 [3] = buffer 'total'",
        'n1: f32 [3] = input 0',
        'n2: f32 [3] = add n0 n1    # addition',
        "n3: f32 [3] = buffer 'total' n2",
        'n4: f32 [3] = const 2',
        'n5: f32 [3] = mul n3 n4',
        'return 0: n5',
        "assign to 'total': n2",
      ].join('\n'),
    );
    expect(canonical).toContain('c3: f32 [3] = const 2\nc4: f32 [3] = mul c2 c3\nreturn 0: c4');
    expect(kernels).toContain('k0 fuses c2 add; c4 mul    # addition\n  loop add_mul [3]\n    v0: f32 = load b');
    expect(plan).toBe(
      [
        '1 kernel in 1 stage, 3 external buffers, arena of 0 bytes',
        "b0: f32 x 3, 12 bytes, external 0 ('total'), stages 0 to 0",
        'b1: f32 x 3, 12 bytes, external 1 (input 0), stages 0 to 0',
        'b2: f32 x 3, 12 bytes, external 2 (return 0), stages 0 to 0',
        "b3: f32 x 3, 12 bytes, external 0 ('total'), stages 0 to 0",
        'stage 0',
        '  k0 add_mul: reads b0 b1, writes b2 b3',
      ].join('\n'),
    );
    expect(code).toContain('add_mul: WebAssembly, ');
    expect(code).toContain('(func $add_mul (param 0 i32)');
    expect(Object.keys(times)).toEqual(['recording', 'scheduling', 'planning', 'generating', 'compiling']);
  });

  it('explains a program that ran before with the same result, and without side effects', async () => {
    const step = compile(accumulator());
    const before = await step.explain(vector(1, 2, 3));
    expect(await (await step(vector(1, 2, 3))).toArray()).toEqual([2, 4, 6]);
    const { times, ...forms } = await step.explain(vector(1, 2, 3));
    expect({ ...before, times }).toEqual({ ...forms, times });
    expect(await (await step(vector(1, 2, 3))).toArray()).toEqual([4, 8, 12]);
    expect(await step.program(vector(1, 2, 3))).toBe(await step.program(vector(1, 2, 3)));
  });

  it('prints as a whole', async () => {
    const text = String(await compile(accumulator()).explain(vector(1, 2, 3)));
    for (const heading of [...programForms, 'times']) expect(text).toContain(`== ${heading} ==`);
    expect(text).toMatch(/recording [\d.]+ ms, scheduling [\d.]+ ms, planning [\d.]+ ms, generating [\d.]+ ms, /);
  });

  it.each([
    ['reference-kernels', "backend 'reference-kernels' generates no code"],
    ['gpujs:cpu', 'mul: JavaScript, '],
  ])('shows the code of %s', async (name, expected) => {
    const backend = await openBackend(name);
    const x = tensor([1, 2], { backend });
    expect((await compile((y: Tensor) => y.mul(3)).explain(x)).code).toContain(expected);
  });
});

describe('TESSERA_DEBUG', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  test('names forms', () => {
    expect([...parseDebugForms('plan, code')]).toEqual(['plan', 'code']);
    expect([...parseDebugForms('all')]).toEqual([...programForms]);
    expect([...parseDebugForms('')]).toEqual([]);
    expect(() => parseDebugForms('graph,kernel')).toThrow(
      "TESSERA_DEBUG: unknown word 'kernel'; the known words are graph, canonical, kernels, plan, code, all",
    );
  });

  test('prints these forms and the times of every program, compiled or not', async () => {
    const printed: string[] = [];
    vi.spyOn(console, 'error').mockImplementation((text: string) => {
      printed.push(text);
    });
    vi.stubEnv('TESSERA_DEBUG', 'plan,graph');
    await compile(function double(x: Tensor) {
      return x.add(x);
    })(vector(1, 2, 3, 4));
    await vector(1, 2, 3, 4, 5).exp().toArray();
    expect(printed.map((text) => text.split('\n')[0]?.replace(/program \d+/, 'program'))).toEqual([
      "== program, compiled function 'double', on wasm: graph ==",
      "== program, compiled function 'double', on wasm: plan ==",
      "== program, compiled function 'double', on wasm: times ==",
      '== program, values that are read, on wasm: graph ==',
      '== program, values that are read, on wasm: plan ==',
      '== program, values that are read, on wasm: times ==',
    ]);
    expect(printed[0]).toContain('n0: f32 [4] = input 0\nn1: f32 [4] = add n0 n0\nreturn 0: n1');
  });

  test('refuses an unknown word', async () => {
    vi.stubEnv('TESSERA_DEBUG', 'kode');
    await expect(compile((x: Tensor) => x.mul(7))(vector(1))).rejects.toThrow("unknown word 'kode'");
  });
});
