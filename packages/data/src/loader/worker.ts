/** The worker thread of the data loader: produces samples, one job after the other, in the order of the jobs. */
import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../io/file-system.ts';
import type { WorkerJob, WorkerNotice, WorkerReply } from './pool.ts';
import { Sampler, type SamplerSpec } from './sampler.ts';

const port = parentPort;
if (!port) throw new Error('worker.ts of @tessera/data must run in a worker thread');
const sampler = Sampler.open(workerData as SamplerSpec);
// An error is reported by each job.
sampler.catch(() => undefined);

let queue = Promise.resolve();
port.on('message', (job: WorkerJob | WorkerNotice) => {
  if ('expected' in job) {
    sampler.then(
      (opened) => opened.expect(job.expected, job.restart),
      () => undefined,
    );
    return;
  }
  queue = queue.then(async () => {
    let reply: WorkerReply;
    try {
      const samples = await (await sampler).sample(job, job.epoch);
      reply = { id: job.id, samples };
      port.postMessage(reply, [samples.images.buffer]);
    } catch (error) {
      reply = { id: job.id, error: errorMessage(error) };
      port.postMessage(reply);
    }
  });
});
