/** Hashes that identify a model. */
import { createHash } from 'node:crypto';
import type { Module } from '@tessera/nn';
import { formatShape } from '@tessera/tensor';
import type { ModelIdentity } from './stream/header.ts';

/**
 * Identifies a model by its configuration and by the values of its weights.
 *
 * @param modules all modules of both halves by name; the class of the first one is the tower's name
 * @param description the settings that do not follow from the tensors' shapes (heads, activation), as JSON
 */
export async function identify(
  modules: Readonly<Record<string, Module>>,
  description: unknown,
): Promise<ModelIdentity> {
  const [configuration, weights] = [createHash('sha256'), createHash('sha256')];
  configuration.update(`${JSON.stringify(description)}\n`);
  for (const [part, module] of Object.entries(modules))
    for (const [name, tensor] of [...module.stateDict()].sort(([a], [b]) => (a < b ? -1 : 1))) {
      configuration.update(`${part}.${name} ${tensor.dtype} ${formatShape(tensor.shape)}\n`);
      const { buffer, byteOffset, byteLength } = await tensor.data();
      weights.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  const tower = Object.values(modules)[0]?.constructor.name ?? '';
  return { tower, configuration: configuration.digest('hex'), weights: weights.digest('hex') };
}
