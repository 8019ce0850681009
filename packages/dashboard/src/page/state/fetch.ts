/** Requests to the server. */
import type { ErrorResponse } from '../../shared/api.ts';

async function read<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const { error } = (await response.json().catch(() => ({ error: response.statusText }))) as ErrorResponse;
  throw new Error(error);
}

export const getJson = async <T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> =>
  read<T>(await fetch(urlOf(path, query)));

export const postJson = async <Request, T>(path: string, body: Request, signal?: AbortSignal): Promise<T> =>
  read<T>(
    await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    }),
  );

export const urlOf = (path: string, query: Readonly<Record<string, string>>): string => {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
};
