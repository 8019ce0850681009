/** Starting all peers that are installed. */
import type { Engine } from '../engine.ts';
import { nodePeers, startNodePeer } from './node.ts';
import type { PeerProcess } from './process.ts';
import { pythonPeers } from './python.ts';

export const peerNames = ['pytorch', 'openblas', 'jax-js', 'tfjs-wasm'] as const;
export type PeerName = (typeof peerNames)[number];

/** A peer that is not installed, and how to install it. */
export interface MissingPeer {
  readonly library: string;
  readonly install: string;
}

const pythonHint =
  'and put its interpreter into TESSERA_PYTHON (several, separated by :) if it is not python3 on the path';
const nodeHint = (packages: readonly string[]): string =>
  `npm install --prefix FOLDER ${packages.join(' ')}, and put FOLDER into TESSERA_PEERS`;

const installation: Record<PeerName, MissingPeer> = {
  pytorch: { library: 'PyTorch', install: `python3 -m pip install torch numpy, ${pythonHint}` },
  openblas: { library: 'OpenBLAS', install: `python3 -m pip install numpy, ${pythonHint}` },
  'jax-js': { library: 'jax-js', install: nodeHint(nodePeers['jax-js'].packages) },
  'tfjs-wasm': { library: 'tfjs-wasm', install: nodeHint(nodePeers['tfjs-wasm'].packages) },
};

export interface Peers {
  readonly engines: readonly Engine[];
  readonly missing: readonly MissingPeer[];
  close(): Promise<void>;
}

/** Starts the requested peers that are installed. A peer that does not start counts as missing, and `say` reports why. */
export async function startPeers(
  wanted: readonly PeerName[],
  mostThreads: number,
  say: (line: string) => void,
): Promise<Peers> {
  const engines: Engine[] = [];
  const processes: PeerProcess[] = [];
  const missing: MissingPeer[] = [];
  const [torch, blas] = [wanted.includes('pytorch'), wanted.includes('openblas')];
  if (torch || blas) {
    const python = await pythonPeers({ torch, blas }, mostThreads, say);
    engines.push(...python.engines);
    processes.push(...python.processes);
    if (torch && !python.engines.some(({ library }) => library === 'PyTorch')) missing.push(installation.pytorch);
    if (blas && !python.engines.some(({ library }) => library !== 'PyTorch')) missing.push(installation.openblas);
  }
  for (const name of ['jax-js', 'tfjs-wasm'] as const) {
    if (!wanted.includes(name)) continue;
    const started = await startNodePeer(nodePeers[name]).catch((error: Error) => {
      say(`skipping ${name}: ${error.message}`);
      return null;
    });
    if (started === null) missing.push(installation[name]);
    else {
      engines.push(started.engine);
      processes.push(started.process);
    }
  }
  return {
    engines,
    missing,
    close: async () => {
      await Promise.all(processes.map((process) => process.close()));
    },
  };
}
