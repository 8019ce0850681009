/** The backends of this browser, as options of a select element. */
import type { BackendChoice } from '../engine/backends.ts';

interface Choice {
  readonly name: BackendChoice;
  readonly label: string;
  /** Why it is not available; null if it is. */
  readonly missing: string | null;
}

async function whyNoWebGPU(): Promise<string | null> {
  if (!('gpu' in navigator)) return 'not in this browser';
  const adapter = await (navigator as { gpu: { requestAdapter(): Promise<unknown> } }).gpu
    .requestAdapter()
    .catch(() => null);
  return adapter === null ? 'no adapter' : null;
}

/** The choices. The first available one is the default. */
async function listChoices(): Promise<Choice[]> {
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return [
    {
      name: 'wasm',
      label: `WebAssembly, ${threads} threads`,
      missing: threads > 1 ? null : globalThis.crossOriginIsolated ? 'single core' : 'page not isolated',
    },
    { name: 'wasm-1', label: 'WebAssembly, one thread', missing: null },
    { name: 'webgpu', label: 'WebGPU', missing: await whyNoWebGPU() },
  ];
}

/** Fills the element, and returns the default choice. */
export async function offerBackends(select: HTMLSelectElement): Promise<BackendChoice> {
  const choices = await listChoices();
  select.replaceChildren(
    ...choices.map(({ name, label, missing }) => {
      const option = new Option(missing === null ? label : `${label} (${missing})`, name);
      option.disabled = missing !== null;
      return option;
    }),
  );
  const first = choices.find(({ missing }) => missing === null)?.name ?? 'wasm-1';
  select.value = first;
  return first;
}
