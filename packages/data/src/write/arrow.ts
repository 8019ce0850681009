/** Arrow folders, in the layout of `save_to_disk` of Hugging Face `datasets`. */
import { DatasetWriter } from '../arrow/writer.ts';
import { checkTarget } from './output.ts';
import type { WriteFormat } from './row-writer.ts';

export const arrowWriting: WriteFormat = {
  title: 'Arrow',
  fileEnding: null,
  hasRowGroups: true,
  plan: (features) => ({ features, leftOut: [], changes: [] }),
  async create(target, { features, info, overwrite = false, rowsPerFile, rowsPerGroup }) {
    await checkTarget(target, overwrite);
    return DatasetWriter.create(target, {
      features,
      overwrite,
      ...(info !== undefined && { info }),
      ...(rowsPerFile !== undefined && { maxShardRows: rowsPerFile, maxShardBytes: Number.POSITIVE_INFINITY }),
      ...(rowsPerGroup !== undefined && { batchRows: rowsPerGroup, batchBytes: Number.POSITIVE_INFINITY }),
    });
  },
};
