/** The answer to a request that is made again whenever its key changes. */
import { useEffect, useState } from 'preact/hooks';

export interface Answer<T> {
  /** Null before it has arrived; the one before stays while a new one is awaited. */
  readonly value: T | null;
  readonly problem: string | null;
}

/** @param key what the request depends on */
export function useAnswer<T>(key: string, ask: () => Promise<T>): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ value: null, problem: null });
  // The key stands in for what the request reads.
  useEffect(() => {
    let isCurrent = true;
    ask().then(
      (value) => isCurrent && setAnswer({ value, problem: null }),
      (error: Error) => isCurrent && setAnswer(({ value }) => ({ value, problem: error.message })),
    );
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return answer;
}
