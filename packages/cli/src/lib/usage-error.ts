/** The error of a mistake in the call. */

/** A mistake in the call. The message says what to do, and is shown without a stack trace. */
export class UsageError extends Error {
  override name = 'UsageError';
}
