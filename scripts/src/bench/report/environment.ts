/** The machine and the libraries of a run. */
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { type Backend, WasmBackend } from '@tessera/tensor';
import type { Engine } from '../engine.ts';
import type { Peak } from '../session.ts';

export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
}

export function machineFacts(): MachineFacts {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}, ${release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
  };
}

export interface BackendFacts {
  readonly name: string;
  readonly threads: number;
  /** Features of the WebAssembly backend; undefined for other backends. */
  readonly relaxedSimd?: boolean;
  readonly revectorized?: boolean;
}

export function backendFacts(backend: Backend): BackendFacts {
  const { name } = backend;
  if (!(backend instanceof WasmBackend)) return { name, threads: 1 };
  const { threads, revectorized, features } = backend;
  return { name, threads, revectorized, relaxedSimd: features.relaxedSimd };
}

/** A library that took part, with all its numbers of threads. */
export interface Participant {
  readonly library: string;
  readonly version: string;
  readonly variant: string;
  readonly threads: readonly number[];
}

export function participants(engines: readonly Engine[]): Participant[] {
  const found = new Map<string, Participant>();
  for (const { library, version, variant, threads } of engines) {
    const key = JSON.stringify([library, version, variant]);
    const known = found.get(key)?.threads ?? [];
    found.set(key, { library, version, variant, threads: [...known, threads] });
  }
  return [...found.values()];
}

export function formatEnvironment(
  machine: MachineFacts,
  backend: BackendFacts,
  others: readonly Participant[],
): string {
  const { processor, cores, memoryGiB, node } = machine;
  const engine = [
    `${backend.threads} threads`,
    ...(backend.relaxedSimd === undefined ? [] : [backend.relaxedSimd ? 'FMA' : 'no FMA']),
    ...(backend.revectorized === undefined ? [] : [backend.revectorized ? 're-vectorized' : 'not re-vectorized']),
  ];
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, Node ${node}`,
    `Tessera on ${backend.name}: ${engine.join(', ')}`,
    ...others.map(
      ({ library, version, variant, threads }) => `${library} ${version} (${variant}): threads ${threads.join(', ')}`,
    ),
  ].join('\n');
}

export const formatPeak = ({ gflops, library, version, threads, label }: Peak): string =>
  `peak: ${gflops.toFixed(0)} GFLOP/s, the highest rate of a matrix product in this run (${library} ${version}, ${threads} threads, ${label})`;
