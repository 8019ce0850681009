import type { Backend, Executable } from '../kernel/backend.ts';
import type { Plan } from '../kernel/plan.ts';

/** The backend cannot compute with a dtype; the message says why, and what to do. */
export class UnsupportedDTypeError extends Error {
  override name = 'UnsupportedDTypeError';
}

/** A plan made ready to run. @throws UnsupportedDTypeError where one of its buffers has a dtype that the backend does not compute with */
export function preparePlan(backend: Backend, plan: Plan): Executable {
  for (const dtype of new Set(plan.buffers.map((buffer) => buffer.dtype))) {
    const reason = backend.whyUnsupported?.(dtype) ?? null;
    if (reason !== null) throw new UnsupportedDTypeError(reason);
  }
  return backend.prepare(plan);
}
