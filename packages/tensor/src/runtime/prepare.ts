/** The step between a plan and its code: what a backend does not support is refused before it sees the plan. */
import { type Backend, type Executable, UnsupportedDTypeError } from '../kernel/backend.ts';
import type { Plan } from '../kernel/plan.ts';

/** A plan made ready to run. @throws UnsupportedDTypeError where one of its buffers has a dtype that the backend does not compute with */
export function preparePlan(backend: Backend, plan: Plan): Executable {
  for (const dtype of new Set(plan.buffers.map((buffer) => buffer.dtype))) {
    const reason = backend.whyUnsupported?.(dtype) ?? null;
    if (reason !== null) throw new UnsupportedDTypeError(reason);
  }
  return backend.prepare(plan);
}
