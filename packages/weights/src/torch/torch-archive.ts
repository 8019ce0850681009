import { torchRules } from './pickle/torch-rules.ts';
import { unpickle } from './pickle/unpickle.ts';
import type { TorchContent } from './torch-content.ts';
import { openZip, type ZipArchive } from './zip-archive.ts';

const pickleName = 'data.pkl';
/** A model's names and shapes take some hundred bytes a tensor. */
const largestPickle = 2 ** 26;

/** Opens the zip archive that `torch.save` writes since PyTorch 1.6, and TorchScript: NAME/data.pkl beside NAME/data/0, 1, ... */
export async function openTorchArchive(path: string): Promise<TorchContent> {
  const zip = await openZip(path);
  try {
    const folder = findFolder(zip);
    await requireLittleEndian(zip, folder);
    const size = zip.sizes.get(`${folder}${pickleName}`) as number;
    if (size > largestPickle)
      throw new Error(`has a ${pickleName} of ${size} bytes, more than the ${largestPickle} that are read`);
    const { value } = unpickle(await zip.read(`${folder}${pickleName}`), torchRules);
    const entry = (key: string): string => `${folder}data/${key}`;
    return {
      saved: value,
      storageBytes: (key) => zip.sizes.get(entry(key)),
      storage: (key) => zip.read(entry(key)),
      close: () => zip.close(),
    };
  } catch (error) {
    await zip.close();
    throw error;
  }
}

/** The archive's one folder, with its slash. */
function findFolder({ sizes }: ZipArchive): string {
  const pickles = [...sizes.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw new Error(
      `is a zip archive, but not one of torch.save: it has ${pickles.length} entries FOLDER/${pickleName}`,
    );
  return (pickles[0] as string).slice(0, -pickleName.length);
}

async function requireLittleEndian(zip: ZipArchive, folder: string): Promise<void> {
  const name = `${folder}byteorder`;
  if (!zip.sizes.has(name)) return;
  const order = new TextDecoder().decode((await zip.read(name)).subarray(0, 16));
  if (order !== 'little')
    throw new Error(`has numbers in ${JSON.stringify(order)} byte order: little-endian ones can be read`);
}
