/** PyTorch's zip archives, written since PyTorch 1.6. */

import { unpickle } from '@tessera/data/pickle';
import type { TorchContent } from './torch-content.ts';
import { torchRules } from './torch-rules.ts';
import { openZip, type ZipArchive } from './zip-archive.ts';

const pickleName = 'data.pkl';
/** Far more than a model needs: names and shapes take a few hundred bytes per tensor. */
const largestPickle = 2 ** 26;

/** Opens a zip archive of `torch.save` or TorchScript. Its entries are NAME/data.pkl and NAME/data/0, NAME/data/1, ... */
export async function openTorchArchive(path: string): Promise<TorchContent> {
  const zip = await openZip(path);
  try {
    const folder = findFolder(zip);
    await requireLittleEndian(zip, folder);
    const size = zip.sizes.get(`${folder}${pickleName}`) ?? 0;
    if (size > largestPickle)
      throw new Error(`has a ${pickleName} of ${size} bytes; at most ${largestPickle} are read`);
    const { value } = unpickle(await zip.read(`${folder}${pickleName}`), torchRules);
    const entry = (key: string): string => `${folder}data/${key}`;
    return {
      saved: value,
      storageBytes: (key) => zip.sizes.get(entry(key)),
      storage: (key) => zip.check(entry(key)),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** The name of the archive's only folder, with a slash at the end. */
function findFolder({ sizes }: ZipArchive): string {
  const pickles = [...sizes.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1)
    throw new Error(
      `is a zip archive, but not one of torch.save: it has ${pickles.length} entries FOLDER/${pickleName}`,
    );
  return pickle.slice(0, -pickleName.length);
}

async function requireLittleEndian(zip: ZipArchive, folder: string): Promise<void> {
  const name = `${folder}byteorder`;
  if (!zip.sizes.has(name)) return;
  const order = new TextDecoder().decode((await zip.read(name)).subarray(0, 16));
  if (order !== 'little')
    throw new Error(`has numbers in ${JSON.stringify(order)} byte order; only little-endian numbers can be read`);
}
