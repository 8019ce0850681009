/** Peers from npm, each in a new process of Node. */
import { fileURLToPath } from 'node:url';
import type { Engine } from '../engine.ts';
import { findPackage, peerFolders } from './installed.ts';
import { PeerProcess } from './process.ts';

/** A library from npm that takes part if it is installed. It is not a dependency of Tessera. */
interface NodePeer {
  readonly library: string;
  readonly packages: readonly string[];
  readonly script: URL;
}

export const nodePeers = {
  'jax-js': {
    library: 'jax-js',
    packages: ['@jax-js/jax'],
    script: new URL('./jax-js.ts', import.meta.url),
  },
  'tfjs-wasm': {
    library: 'tfjs-wasm',
    packages: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'],
    script: new URL('./tfjs-wasm.ts', import.meta.url),
  },
} as const satisfies Record<string, NodePeer>;

/** Starts the library in a new process; null if it is not installed. */
export async function startNodePeer({
  library,
  packages,
  script,
}: NodePeer): Promise<{ engine: Engine; process: PeerProcess } | null> {
  const folder = peerFolders().find((candidate) => packages.every((name) => findPackage(candidate, name) !== null));
  if (folder === undefined) return null;
  const peer = new PeerProcess(library, process.execPath, [...process.execArgv, fileURLToPath(script), folder]);
  try {
    const { version, threads } = (await peer.ask({ do: 'hello' })) as unknown as { version: string; threads: number };
    const prepare: Engine['prepare'] = (work) => peer.prepare(library, work);
    return { engine: { library, version, threads, variant: `Node ${process.versions.node}`, prepare }, process: peer };
  } catch (error) {
    await peer.close();
    throw error;
  }
}
