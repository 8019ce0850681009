/** Unlike ranks are refused with both sides and what to do. */
import { expect, it } from 'vitest';
import { whyUnlike } from './check-start.ts';
import { type Fingerprint, fingerprint } from './fingerprint.ts';

const own: Fingerprint = { ...fingerprint('lr 0.1'), place: 'node-a, process 1', cpu: 'avx avx2 fma' };
const other = (changes: Partial<Fingerprint>): Fingerprint => ({ ...own, place: 'node-b, process 2', ...changes });

it('accepts equal ranks on different machines', () => {
  expect(whyUnlike([own, other({}), own])).toBeNull();
});

it.each<[Partial<Fingerprint>, string]>([
  [
    { node: '20.19.0' },
    `The ranks have different versions of Node: rank 0 (node-a, process 1) has ${own.node}, ranks 1 and 2 (node-b, process 2) have 20.19.0. Install one version of Node on all machines.`,
  ],
  [{ v8: '11.3' }, 'different versions of V8'],
  [
    { machine: 'linux arm64, little-endian' },
    'have linux arm64, little-endian. Start all ranks on machines of one kind.',
  ],
  [
    { cpu: 'avx avx2 f16c' },
    'different CPU features: rank 0 (node-a, process 1) has fma, ranks 1 and 2 (node-b, process 2) have f16c. Results would differ',
  ],
  [{ cpu: 'avx' }, 'rank 0 (node-a, process 1) has avx2 fma, ranks 1 and 2 (node-b, process 2) have none of these.'],
  [{ plan: 'ffff' }, 'have ffff. Start all ranks with the same program, arguments, settings and data.'],
])('refuses %o', (changes, message) => {
  expect(whyUnlike([own, other(changes), other(changes)])).toContain(message);
});

it('the fingerprint of this machine has every part', () => {
  const { plan, cpu, ...rest } = fingerprint('a');
  expect(plan).toBe(fingerprint('a').plan);
  expect(plan).not.toBe(fingerprint('b').plan);
  expect(cpu).not.toBe('');
  expect(Object.values(rest).every((part) => part.length > 0)).toBe(true);
});
