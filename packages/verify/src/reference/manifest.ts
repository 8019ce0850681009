/** The reference cases of layers, as scripts/reference/generate.py reads them. */
import type { InputSpec, LayerCase } from '@tessera/nn/cases';

/** One case, ready for JSON. `build`, `forward`, `fill` and inputs that are a string are Python expressions. */
export interface DescribedCase {
  readonly name: string;
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, InputSpec>> | string;
  readonly outputs: readonly string[];
  readonly mode: 'train' | 'eval';
  readonly dtype: 'f32' | 'f64';
  readonly build: string;
  readonly forward: string | null;
  readonly fill: string | null;
}

/** The cases of all entries with a PyTorch side, except those that are declared for gradcheck only. */
export const referenceManifest = (entries: readonly LayerCase[]): readonly DescribedCase[] =>
  entries.flatMap(({ name: module, torch, cases = [] }) => {
    if (torch === undefined) return [];
    const { build, forward = null, fill = null } = typeof torch === 'string' ? { build: torch } : torch;
    return cases
      .filter(({ only }) => only !== 'gradcheck')
      .map(({ name, config = {}, inputs, outputs = ['out'], mode = 'train', dtype = 'f64' }) => ({
        name,
        module,
        config,
        inputs,
        outputs,
        mode,
        dtype,
        build,
        forward,
        fill,
      }));
  });
