/** Reads the body of a request, up to a size. */
import type { IncomingMessage } from 'node:http';
import { RequestError } from './request-error.ts';

/**
 * @param signal when aborted, reading ends with its reason
 * @throws RequestError where the body is too large, compressed or cut off
 */
export function readBody(request: IncomingMessage, limit: number, signal: AbortSignal): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    return Promise.reject(new RequestError(415, `the body is compressed (${encoding}): send it as it is`));
  // What is not read would be taken for the next request.
  const tooLarge = new RequestError(413, `the body is larger than ${limit} bytes`, { Connection: 'close' });
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (settle: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= limit) chunks.push(chunk);
      else end(() => reject(tooLarge));
    };
    const onEnd = (): void => end(() => resolve(Buffer.concat(chunks)));
    const onCut = (): void => end(() => reject(new RequestError(400, 'the body is cut off')));
    const onAbort = (): void => end(() => reject(signal.reason));
    request.on('data', onData).on('end', onEnd).on('error', onCut).on('close', onCut);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}
