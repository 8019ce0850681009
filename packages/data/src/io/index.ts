/** Atomic writing of files, and helpers for file system errors. */

export { type FileChunk, replaceFile, writeFileAtomic, writeFully } from './atomic.ts';
export { mapInOrder } from './concurrency.ts';
export { errorCode, errorMessage, exists, readExactly, readInto, readProblem } from './file-system.ts';
export { pendingDirectory } from './pending-directory.ts';
