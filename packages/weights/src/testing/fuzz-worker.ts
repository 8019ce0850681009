/** Reads damaged files of weights: all values of all tensors, or a whole model. */
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { answerWith } from '@tessera/data/testing/fuzz';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { loadWeights } from '../load-and-save.ts';
import { openWeightFile } from '../read-weight-file.ts';

registerReferenceBackends();
setDefaultBackend('reference');

const readers = {
  async tensors(path: string): Promise<void> {
    const { tensors } = await openWeightFile(path);
    for (const [key, { shape, read }] of tensors) {
      const size = shape.reduce((product, length) => product * length, 1);
      const { length } = read();
      // The name of an error that a mistake ends in.
      if (!Number.isSafeInteger(size) || size !== length)
        throw new TypeError(`${key}: the shape [${shape.join(', ')}] was accepted for ${length} values`);
    }
  },
  /** The file is one of the model's folder. */
  async model(path: string): Promise<void> {
    const { model } = await loadWeights(dirname(path));
    model.stateDict();
  },
};

/** What is read: tensors, or the model that they are of. */
export type FuzzedWeights = keyof typeof readers;

answerWith(async ({ bytes, file, reader }) => {
  writeFileSync(file, bytes);
  await readers[reader as FuzzedWeights](file);
});
