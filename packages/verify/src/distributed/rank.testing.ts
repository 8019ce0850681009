/** What each rank of `distributed.test.ts` does: derivatives through collectives, and training on virtual shards. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { grad } from '@tessera/autograd';
import { openCommunicator, threadRank } from '@tessera/mpi';
import {
  allGather,
  allReduce,
  allToAll,
  type Communicator,
  compile,
  concat,
  disposeBackends,
  openBackend,
  reduceScatter,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
} from '@tessera/tensor';

/** What the ranks are asked for. */
export interface Request {
  readonly what: readonly ('gradients' | 'training')[];
  readonly backend: 'wasm' | 'reference';
}

/** The largest difference of a derivative, for each function; or the hash of the weights. */
export interface Answer {
  readonly differences: Readonly<Record<string, number>>;
  readonly weights: string;
}

/** A number between -1 and 1 that differs for each rank and position. */
const numberAt = (rank: number, i: number): number => Math.sin(12.9898 * (rank + 1) + 78.233 * i + 0.5);

const numbers = (rank: number, length: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => numberAt(rank, i));

/** The loss of a rank from its x [4, 3], whose weights differ from rank to rank. */
type Loss = (x: Tensor, communicator: Communicator) => Tensor;

const weighted = (y: Tensor, { rank }: Communicator): Tensor =>
  y.mul(tensor(numbers(rank + 10, y.size), { shape: y.shape })).sum();

const losses: Readonly<Record<string, Loss>> = {
  allReduce: (x, all) => weighted(allReduce(x.square(), all).tanh(), all),
  allGather: (x, all) => weighted(allGather(x.exp(), all).sin(), all),
  reduceScatter: (x, all) => weighted(reduceScatter(x.square(), all).sin(), all),
  allToAll: (x, all) => weighted(allToAll(x.sin(), all).square(), all),
  'normalization over all ranks': (x, all) => {
    const mean = (y: Tensor): Tensor => allReduce(y.mean([0], true), all).div(all.ranks);
    const centered = x.sub(mean(x));
    return weighted(centered.div(mean(centered.square()).add(0.1).sqrt()), all);
  },
  'contrastive loss with the features of all ranks': (x, all) => {
    const features = x.div(x.square().sum([1], true).sqrt());
    return features.matmul(allGather(features, all).transpose(0, 1)).mul(3).logsumexp([1]).sum();
  },
  'a derivative of a derivative': (x, all) => {
    const [g] = grad(weighted(allReduce(x.square(), all).sin(), all), [x]) as [Tensor];
    return weighted(g.square(), all);
  },
};

/** Compares the derivative of the sum of all ranks' losses with central differences: each rank in turn moves each of its numbers. */
async function checkGradients(communicator: Communicator): Promise<Record<string, number>> {
  const differences: Record<string, number> = {};
  const start = numbers(communicator.rank, 12);
  const at = (values: Float64Array): Tensor => tensor(values, { shape: [4, 3] });
  for (const [name, loss] of Object.entries(losses)) {
    const value = compile((x: Tensor) => allReduce(loss(x, communicator), communicator));
    const derivative = compile((x: Tensor) => grad(loss(x, communicator), [x])[0] as Tensor);
    const exact = await (await derivative(at(start))).data();
    let largest = 0;
    const h = 1e-5;
    for (let rank = 0; rank < communicator.ranks; rank++)
      for (let i = 0; i < start.length; i += 5) {
        const total: number[] = [];
        for (const step of [h, -h]) {
          const moved = start.slice();
          if (rank === communicator.rank) moved[i] = (moved[i] as number) + step;
          total.push(await (await value(at(moved))).item());
        }
        const central = ((total[0] as number) - (total[1] as number)) / (2 * h);
        if (rank === communicator.rank) largest = Math.max(largest, Math.abs(central - (exact[i] as number)));
      }
    differences[name] = largest;
  }
  return differences;
}

/** The number of virtual shards of a batch: the most ranks that can share them. */
const shards = 4;
const [rows, inputs, hidden] = [5, 7, 9];

const tree = (parts: readonly Tensor[]): Tensor => {
  const [first, ...others] = parts;
  if (first === undefined) throw new RangeError('a tree needs parts');
  if (others.length === 0) return first;
  const half = parts.length / 2;
  return tree(parts.slice(0, half)).add(tree(parts.slice(half)));
};

/** Trains a small network for some steps; returns the hash of its weights. Each shard has a gradient of its own. */
async function train(communicator: Communicator): Promise<string> {
  const { rank, ranks } = communicator;
  const weights = [
    tensor(Float32Array.from(numbers(100, inputs * hidden)), { shape: [inputs, hidden] }),
    tensor(Float32Array.from(numbers(101, hidden)), { shape: [hidden, 1] }),
  ];
  const own = shards / ranks;
  const step = compile((batches: Tensor[], targets: Tensor[]) => {
    const gradients = batches.map((x, k) => {
      const y = x
        .matmul(weights[0] as Tensor)
        .tanh()
        .matmul(weights[1] as Tensor);
      const loss = y
        .sub(targets[k] as Tensor)
        .square()
        .mean();
      return concat(grad(loss, weights).map((g) => g.reshape([-1])));
    });
    const sum = allReduce(tree(gradients), communicator);
    let at = 0;
    for (const weight of weights) {
      const g = sum.slice(0, at, at + weight.size).reshape(weight.shape);
      weight.assign(weight.sub(g.mul(0.1 / shards)));
      at += weight.size;
    }
    return sum.square().sum();
  });
  for (let k = 0; k < 5; k++) {
    const shard = (s: number, length: number, shape: number[]): Tensor =>
      tensor(Float32Array.from(numbers(1000 + 10 * k + s, length)), { shape });
    const mine = Array.from({ length: own }, (_, s) => rank * own + s);
    const norm = await step(
      mine.map((s) => shard(s, rows * inputs, [rows, inputs])),
      mine.map((s) => shard(s + 500, rows, [rows, 1])),
    );
    if (!(await norm.item())) throw new Error('the gradient is 0');
  }
  const hash = createHash('sha256');
  for (const weight of weights) {
    const values = await weight.data();
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}

registerReferenceBackends();
const { what, backend } = (threadRank() as { data: Request }).data;
await openBackend(backend);
setDefaultBackend(backend);
const communicator = await openCommunicator();
const answer: Answer = {
  differences: what.includes('gradients') ? await checkGradients(communicator) : {},
  weights: what.includes('training') ? await train(communicator) : '',
};
communicator.close();
await disposeBackends();
parentPort?.postMessage(answer);
