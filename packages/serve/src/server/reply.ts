/** Answers before they are sent. */
import { RequestError } from './request-error.ts';
import type { Answers } from './schemas.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export const reply = (
  type: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Reply => ({ status, headers: { 'Content-Type': type, ...headers }, body });

export const jsonReply = (value: object, headers?: Readonly<Record<string, string>>, status?: number): Reply =>
  reply('application/json; charset=utf-8', JSON.stringify(value), headers, status);

/** The answer to a request that failed. Of errors that are not the client's, it is told only that there was one. */
export function errorReply(error: unknown, onError: (error: unknown) => void): Reply {
  if (error instanceof RequestError)
    return jsonReply({ error: error.message } satisfies Answers['error'], error.headers, error.status);
  onError(error);
  return jsonReply({ error: 'the server failed; its output says why' } satisfies Answers['error'], {}, 500);
}
