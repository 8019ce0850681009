/** Atomic writing of files and folders, and helpers for file system errors. */
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
