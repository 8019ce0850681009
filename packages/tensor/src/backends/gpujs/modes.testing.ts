import { BackendUnavailableError, openBackend } from '../../kernel/backend.ts';
import './index.ts';

/** The modes that this machine has, of those that tests run in; and why the others are left out. */
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
