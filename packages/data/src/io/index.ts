/** Files and folders that are written whole or not at all, and the errors of the file system. */
export { type FileChunk, writeFileAtomic } from './atomic.ts';
export {
  errorCode,
  errorMessage,
  exists,
  isOutOfSpace,
  readExactly,
  removeLeftovers,
  syncDirectory,
  temporaryMark,
  writeFullySync,
} from './file-system.ts';
export { type PendingDirectory, pendingDirectory } from './pending-directory.ts';
