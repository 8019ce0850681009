/** Finds the modes of gpu.js that tests can run in. */
import { BackendUnavailableError, openBackend } from '../../kernel/backend.ts';
import './index.ts';

/** The tested modes that this machine has, and the reason for each one that is missing. */
export async function testedModes(): Promise<{ readonly names: string[]; readonly missing: string[] }> {
  const names: string[] = [];
  const missing: string[] = [];
  for (const mode of ['webasm', 'cpu', 'webgpu', 'headlessgl']) {
    try {
      names.push((await openBackend(`gpujs:${mode}`)).name);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      missing.push(error.message);
    }
  }
  return { names, missing };
}
