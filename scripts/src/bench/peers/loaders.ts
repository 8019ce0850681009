/** Peers that load images: PyTorch's DataLoader with torchvision, and webdataset. */
import { fileURLToPath } from 'node:url';
import { PeerProcess } from './process.ts';
import { findPythons } from './python.ts';

const script = fileURLToPath(new URL('./loader_bench.py', import.meta.url));

/** A Python with torch and torchvision. */
export interface LoaderPeer {
  readonly process: PeerProcess;
  readonly torch: string;
  readonly torchvision: string;
  readonly pillow: string;
  /** Null where it is not installed. */
  readonly webdataset: string | null;
}

/** The first interpreter with torch and torchvision; null if there is none. `say` reports why one is skipped. */
export async function startLoaderPeer(say: (line: string) => void): Promise<LoaderPeer | null> {
  for (const python of findPythons()) {
    const process = new PeerProcess(python, python, ['-u', script]);
    try {
      const offer = (await process.ask({ do: 'hello' })) as unknown as Omit<LoaderPeer, 'process'>;
      return { ...offer, process };
    } catch (error) {
      say(`skipping ${python}: ${(error as Error).message}`);
    }
    await process.close();
  }
  return null;
}
