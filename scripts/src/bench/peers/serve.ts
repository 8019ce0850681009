/** The process of a library that runs in Node: answers the requests of `PeerProcess`. */
import { createInterface } from 'node:readline';
import { type PreparedWork, UnsupportedWork } from '../engine.ts';
import { peakResident } from '../measure/resident.ts';
import type { Work } from '../work.ts';
import type { PeerRequest } from './process.ts';

/** A library in this process. */
export interface Library {
  readonly version: string;
  readonly threads: number;
  prepare(work: Work): Promise<PreparedWork>;
}

/** Calls `run` repeatedly and returns the time of each call in ms. */
export async function timeRuns(runs: number, run: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let k = 0; k < runs; k++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times;
}

/** Answers requests on standard input until it ends. */
export async function serve(load: () => Promise<Library>): Promise<void> {
  // Output of the library must not be mixed with the answers.
  console.log = console.info = console.debug = console.error;
  let library: Library | null = null;
  const slots = new Map<number, PreparedWork>();
  const answer = async (request: PeerRequest): Promise<object> => {
    library ??= await load();
    switch (request.do) {
      case 'hello':
        return { version: library.version, threads: library.threads };
      case 'peak':
        return { bytes: peakResident() };
      case 'cpu': {
        const { user, system } = process.cpuUsage();
        return { ms: (user + system) / 1000 };
      }
      case 'prepare': {
        const prepared = await library.prepare(request.work);
        slots.set(request.slot, prepared);
        return { check: prepared.check };
      }
      case 'measure':
        return { times: await slots.get(request.slot)?.measure(request.runs) };
      case 'release':
        await slots.get(request.slot)?.release();
        slots.delete(request.slot);
        return {};
      default:
        return request satisfies never;
    }
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line) as PeerRequest).catch((error: Error) =>
      error instanceof UnsupportedWork ? { unsupported: error.message } : { error: `${error.name}: ${error.message}` },
    );
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}
