/** What goes wrong between ranks, in words. */

/** A collective operation failed. The communicator cannot be used any more: end the program on all ranks. */
export class CommunicationError extends Error {
  override name = 'CommunicationError';
}

/** "rank 2", "ranks 0, 1 and 3". */
export function listRanks(ranks: readonly number[]): string {
  if (ranks.length === 1) return `rank ${ranks[0]}`;
  return `ranks ${ranks.slice(0, -1).join(', ')} and ${ranks.at(-1)}`;
}

/** Ranks made different calls: `calls[r]` is that of rank `r`. */
export function differentCalls(calls: readonly string[]): CommunicationError {
  const ranksOf = new Map<string, number[]>();
  for (const [rank, call] of calls.entries()) ranksOf.set(call, [...(ranksOf.get(call) ?? []), rank]);
  const sides = [...ranksOf].map(([call, ranks]) => `${listRanks(ranks)}: ${call}`);
  return new CommunicationError(
    `The ranks made different calls (${sides.join('; ')}). All ranks must run the same program and make the same calls in the same order.`,
  );
}

/**
 * Ranks did not `arrive` in a collective, or it did not `end`, within the time limit. `missing` are the ranks that are not known to wait; with
 * none the network is in question.
 */
export function missingRanks(
  call: string,
  missing: readonly number[],
  seconds: number,
  until: 'arrive' | 'end' = 'arrive',
): CommunicationError {
  if (missing.length === 0)
    return new CommunicationError(
      `${call}: all ranks are waiting, but their messages have not arrived within ${seconds} s. Check the network between the machines.`,
    );
  const they = missing.length === 1 ? 'it' : 'they';
  const who = listRanks(missing);
  const what =
    until === 'arrive'
      ? `${who} did not arrive within ${seconds} s, the others wait.`
      : `it has begun on all ranks and has not ended within ${seconds} s; ${who} ${missing.length === 1 ? 'does' : 'do'} not answer.`;
  return new CommunicationError(
    `${call}: ${what} Look at what ${they} printed; if ${they} only needed longer, raise the limit (timeoutSeconds, or TESSERA_COLLECTIVE_SECONDS).`,
  );
}

/** Ranks ended their program while the others still wait for them. */
export const endedRanks = (call: string, ended: readonly number[]): CommunicationError =>
  new CommunicationError(
    `${call}: ${listRanks(ended)} ended before making this call. All ranks must make the same calls in the same order.`,
  );

/** A rank ended all of them. */
export const abortedBy = (rank: number, message: string): CommunicationError =>
  new CommunicationError(`Rank ${rank} ended all ranks: ${message}`);
