/** What following a live run costs: steps of a training process with and without a dashboard that one client follows, in turns. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readMetrics } from '@tessera/train/loop';
import { median } from '../measure/statistics.ts';
import { writeDrawings } from './drawings.ts';

export interface FollowerReport {
  readonly rounds: number;
  /** Seconds of each part of a round. */
  readonly seconds: number;
  /** Medians over the rounds. */
  readonly aloneStepsPerSecond: number;
  readonly followedStepsPerSecond: number;
  /** The speed with a follower divided by that without, in each round: the median, and the quarters around it. */
  readonly ratio: number;
  readonly quarters: readonly [low: number, high: number];
  /** Changes that the client was told of, and curves that it got. */
  readonly changes: number;
}

interface FollowerOptions {
  readonly rounds: number;
  /** Of each part of a round. Default 10. */
  readonly seconds?: number;
  say(line: string): void;
}

const settings = [
  ...['data.workers=1', 'data.augmentation=null', 'model=vit-tiny-64', 'tokenizer.vocabularySize=560'],
  ...['training.batchSize=16', 'training.epochs=100000', 'evaluation.splits=[]', 'checkpoints.everyEpochs=100000'],
];

/** Steps before the first round: the first ones compile. */
const warmUp = 50;
/** Seconds after which a follower has read what there was. */
const settling = 2;

/** Starts a command as a user does. */
function start(args: readonly string[]): ChildProcess {
  const cli = dirname(createRequire(import.meta.url).resolve('@tessera/cli/package.json'));
  return fork(join(cli, 'bin', 'tessera.js'), args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
}

/** Asks a process to end, and waits for it. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // The dashboard ends with the program that has started it, a run with its signal.
  child.disconnect();
  child.kill('SIGTERM');
  await ended;
}

/** Follows a run as an open page does: for each change it asks for what its curves lack. Returns the number of changes when it is stopped. */
async function follow(url: string, run: string, signal: AbortSignal): Promise<number> {
  let changes = 0;
  let held: object | null = null;
  const ask = async (): Promise<void> => {
    const body = { runs: [{ id: run, held }], metrics, axis: 'step', range: null, points: 1000, bands: true };
    const answer = await fetch(`${url}api/curves`, { method: 'POST', body: JSON.stringify(body), signal });
    const [curves] = ((await answer.json()) as { runs: Curves[] }).runs;
    if (curves !== undefined && curves.generation >= 0)
      held = { generation: curves.generation, groupSize: curves.groupSize, groups: curves.start + curves.x.length };
  };
  try {
    await ask();
    const { body } = await fetch(`${url}api/events`, { signal });
    const decoder = new TextDecoder();
    for await (const chunk of body as AsyncIterable<Uint8Array>)
      if (decoder.decode(chunk, { stream: true }).includes('data: ')) {
        changes++;
        await ask();
      }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return changes;
}

interface Curves {
  readonly generation: number;
  readonly groupSize: number;
  readonly start: number;
  readonly x: readonly number[];
}

const metrics = ['gradNorm', 'imagesPerSecond', 'logitScale', 'loss', 'lr', 'memory', 'mfu'];

/** Steps per second between two moments, in seconds since 1970: the number of steps divided by the time in them. */
async function speedBetween(path: string, from: number, to: number): Promise<number> {
  const steps = (await readMetrics(path)).filter(
    ({ kind, time, seconds }) => kind === 'step' && Number(time) - Number(seconds) >= from && Number(time) <= to,
  );
  if (steps.length === 0) throw new Error('no step was complete in a part of a round: measure for more seconds');
  return steps.length / steps.reduce((sum, { seconds }) => sum + Number(seconds), 0);
}

export async function measureFollower({ rounds, seconds = 10, say }: FollowerOptions): Promise<FollowerReport> {
  const root = await fs.mkdtemp(join(tmpdir(), 'tessera-bench-follower-'));
  const runs = join(root, 'runs');
  const path = join(runs, 'live', 'metrics.jsonl');
  const now = (): number => Date.now() / 1000;
  await writeDrawings(join(root, 'data'), 2000);
  const options = settings.flatMap((setting) => ['--set', setting]);
  const training = start(['train', '--data', join(root, 'data'), '--run', join(runs, 'live'), ...options]);
  let errors = '';
  training.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-2000);
  });
  try {
    const stepsSoFar = async (): Promise<number> => (await readMetrics(path).catch(() => [])).length;
    while ((await stepsSoFar()) < warmUp) {
      if (training.exitCode !== null) throw new Error(`the training process has ended: ${errors}`);
      await delay(200);
    }
    let changes = 0;
    const measure = async (): Promise<number> => {
      await delay(settling * 1000);
      const from = now();
      await delay(seconds * 1000);
      return speedBetween(path, from, now());
    };
    const measureFollowed = async (): Promise<number> => {
      const server = start(['dashboard', runs, '--port', '0']);
      const client = new AbortController();
      try {
        const [url] = (await once(server, 'message')) as [string];
        const following = follow(url, 'live', client.signal);
        const speed = await Promise.race([
          measure(),
          following.then(() => Promise.reject(new Error('the dashboard has ended'))),
        ]);
        client.abort();
        changes += await following;
        return speed;
      } finally {
        client.abort();
        await stop(server);
      }
    };
    const [alone, followed]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      say(`dashboard: following a run, round ${round + 1} of ${rounds}`);
      // Who comes first takes turns, too.
      if (round % 2 === 0) alone.push(await measure());
      followed.push(await measureFollowed());
      if (round % 2 === 1) alone.push(await measure());
    }
    const ratios = followed.map((speed, k) => speed / (alone[k] as number)).sort((a, b) => a - b);
    const at = (share: number): number => ratios[Math.round(share * (ratios.length - 1))] as number;
    return {
      ...{ rounds, seconds, changes },
      aloneStepsPerSecond: median(alone),
      followedStepsPerSecond: median(followed),
      ratio: median(ratios),
      quarters: [at(0.25), at(0.75)],
    };
  } finally {
    await stop(training);
    await fs.rm(root, { recursive: true, force: true });
  }
}
