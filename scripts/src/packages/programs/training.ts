/** What every platform must be able to do: compute with tensors, and train. */
import { grad } from '@tessera/autograd';
import { presets } from '@tessera/models';
import { functional as F, Linear } from '@tessera/nn';
import { compile, manualSeed, randn, setDefaultBackend, type Tensor, tensor, WasmBackend } from '@tessera/tensor';
import { SGD } from '@tessera/train/optim';

export interface TrainingResult {
  readonly product: readonly number[];
  readonly losses: readonly number[];
  /** Of the backend; threads that have failed are not counted. */
  readonly threads: number;
}

/** A product of matrices, which is large enough for several threads, and steps of a compiled training function. */
export async function train(): Promise<TrainingResult> {
  const backend = await setDefaultBackend('wasm');
  manualSeed(0);
  const x = tensor([1, 2, 3, 4], { shape: [2, 2] });
  const product = Array.from(await x.matmul(x).data());
  const large = randn([256, 256]);
  await large.matmul(large).data();
  const [inputs, model] = [randn([16, 8]), new Linear(8, presets['vit-tiny-64'].vision.layers)];
  const targets = randn([16, model.bias?.shape[0] ?? 1]);
  const optimizer = new SGD(model.namedParameters(), { lr: 0.1 });
  const step = compile((batch: Tensor, wanted: Tensor) => {
    const loss = F.mseLoss(model.forward(batch), wanted);
    optimizer.step(grad(loss, model.parameters()), tensor(0.1));
    return loss;
  });
  const losses: number[] = [];
  for (let k = 0; k < 5; k++) losses.push(await (await step(inputs, targets)).item());
  return { product, losses, threads: backend instanceof WasmBackend ? backend.threads : 0 };
}
