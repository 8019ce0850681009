import { createHash } from 'node:crypto';
import type { Module } from '@tessera/nn';
import { formatShape } from '@tessera/tensor';
import type { ModelIdentity } from './header.ts';

/**
 * What tells a model from others: by its configuration, and by the values of its weights.
 *
 * @param modules by name, all that both halves consist of; of the first, the class is the tower's name
 * @param description whatever the tensors' shapes do not say (heads, activation), to be written as JSON
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
