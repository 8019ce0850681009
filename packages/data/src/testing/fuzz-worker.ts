/** Reads damaged files of data. */
import { writeFileSync } from 'node:fs';
import { openDataset } from '../dataset/dataset.ts';
import { decodeImage } from '../image/decode.ts';
import { loadTokenizer } from '../tokenizer/file.ts';
import { answerWith } from './fuzz.ts';

const readers = {
  async dataset(file: string): Promise<void> {
    using dataset = await openDataset(file);
    for (const split of Object.values(dataset.splits)) for await (const _ of split);
  },
  async image(_file: string, bytes: Uint8Array): Promise<void> {
    await decodeImage(bytes, { kind: 'square', size: 16 });
  },
  async tokenizer(file: string): Promise<void> {
    const tokenizer = await loadTokenizer(file);
    const ids = tokenizer.encode('A naïve cat 猫 👩‍👩‍👧 </s> x');
    // The name of an error that a mistake ends in.
    if (ids.some((id) => !Number.isInteger(id) || id < 0 || id >= tokenizer.vocabSize))
      throw new TypeError(`of ${tokenizer.vocabSize} ids, these were given: ${ids}`);
    tokenizer.decode(ids);
  },
};

/** The kinds of files that this program reads. */
export type FuzzedReader = keyof typeof readers;

answerWith(async ({ bytes, file, reader }) => {
  if (reader !== 'image') writeFileSync(file, bytes);
  await readers[reader as FuzzedReader](file, bytes);
});
