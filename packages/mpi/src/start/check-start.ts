/** Compares what all ranks say of themselves, so that unlike ranks are refused at the start instead of computing unlike numbers. */
import type { Communicator } from '@tessera/tensor/backend';
import { CommunicationError, listRanks } from '../errors.ts';
import { type Fingerprint, fingerprint } from './fingerprint.ts';

type Compared = Exclude<keyof Fingerprint, 'place'>;

/** What each difference is called, and what to do about it; in the order in which differences are told. */
const differences: Readonly<Record<Compared, readonly [name: string, advice: string]>> = {
  machine: ['machines', 'Start all ranks on machines of one kind.'],
  node: ['versions of Node', 'Install one version of Node on all machines.'],
  v8: ['versions of V8', 'Install one build of Node on all machines.'],
  cpu: [
    'CPU features',
    'Results would differ in their last bits. Start all ranks on machines with the same CPUs (SLURM: --constraint), or with hypervisors that show the same features.',
  ],
  plan: ['programs', 'Start all ranks with the same program, arguments, settings and data.'],
};

/** The words that only one of two lists has. */
function unlike(a: string, b: string): [string, string] {
  const [left, right] = [a.split(' '), b.split(' ')];
  const only = (list: string[], other: string[]): string => list.filter((word) => !other.includes(word)).join(' ');
  return [only(left, right) || 'none of these', only(right, left) || 'none of these'];
}

/** Why ranks with these fingerprints cannot work together, naming both sides; null if they can. */
export function whyUnlike(all: readonly Fingerprint[]): string | null {
  const first = all[0] as Fingerprint;
  for (const [key, [name, advice]] of Object.entries(differences) as [Compared, readonly [string, string]][]) {
    const others = all.flatMap((other, rank) => (other[key] === first[key] ? [] : [rank]));
    if (others.length === 0) continue;
    const other = all[others[0] as number] as Fingerprint;
    const [own, its] = key === 'cpu' ? unlike(first.cpu, other.cpu) : [first[key], other[key]];
    return `The ranks have different ${name}: rank 0 (${first.place}) has ${own}, ${listRanks(others)} (${other.place}) ${others.length === 1 ? 'has' : 'have'} ${its}. ${advice}`;
  }
  return null;
}

/** The texts of all ranks, in their order. */
function gatherTexts(communicator: Communicator, text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  const lengths = new Int32Array(communicator.ranks);
  communicator.allGather(Int32Array.of(bytes.length), lengths);
  const longest = Math.max(...lengths);
  const own = new Uint8Array(longest);
  own.set(bytes);
  const all = new Uint8Array(longest * communicator.ranks);
  communicator.allGather(own, all);
  return Array.from(lengths, (length, r) => new TextDecoder().decode(all.subarray(r * longest, r * longest + length)));
}

/**
 * Compares the ranks: machine, version of Node and V8, CPU features, and `plan`, a text that describes the program with its settings. All
 * ranks must call it. Throws CommunicationError on all of them if they differ, with both sides and what to do. `own` is for tests.
 */
export function checkStart(communicator: Communicator, plan: string, own: Partial<Fingerprint> = {}): void {
  const texts = gatherTexts(communicator, JSON.stringify({ ...fingerprint(plan), ...own }));
  const problem = whyUnlike(texts.map((text) => JSON.parse(text) as Fingerprint));
  if (problem !== null) throw new CommunicationError(problem);
}
