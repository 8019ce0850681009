/** Losses of a student that a teacher trains: DeiT's. */
import { formatShape, type Tensor } from '@tessera/tensor';
import { requirePositive, shown } from '../arguments.ts';
import { crossEntropy } from './cross-entropy.ts';

export interface DistillationOptions {
  /** `hard`: the teacher's decision is a second label. `soft`: the target is its whole distribution, at a temperature. */
  readonly kind?: 'hard' | 'soft';
  /** Weight of the teacher's part of the loss. */
  readonly alpha?: number;
  /** Temperature of the soft loss: both distributions are softmax(logits / temperature). */
  readonly temperature?: number;
  readonly labelSmoothing?: number;
  /** [C]: the factor on the cross-entropy with the labels of each class, as `weight` of `crossEntropy`; null: 1. */
  readonly weight?: Tensor | null;
}

/** The output of a student with a distillation token: logits [N, C] of its class token and of its distillation token. */
export interface DistilledLogits {
  readonly logits: Tensor;
  readonly distillation: Tensor;
}

/**
 * DeiT's loss (Touvron et al. 2021, equations 2 and 3). With Z_s and Z_d the logits of class and distillation token, Z_t the
 * teacher's, and psi the softmax,
 *
 *     hard: (1 - alpha) CE(psi(Z_s), y) + alpha CE(psi(Z_d), argmax Z_t), alpha = 1/2 in the paper
 *     soft: (1 - alpha) CE(psi(Z_s), y) + alpha tau^2 KL(psi(Z_t / tau) || psi(Z_d / tau))
 *
 * The divergence is the mean over the batch. (DeiT's own code also divides it by the number of classes.) The teacher gets no gradient.
 *
 * @param labels i32 [N], or probabilities of the classes, floating point [N, C], such as those of mixed images
 * @param teacher [N, C]
 */
export function distillationLoss(
  { logits, distillation }: DistilledLogits,
  labels: Tensor,
  teacher: Tensor,
  { kind = 'hard', alpha = 0.5, temperature = 3, labelSmoothing = 0, weight = null }: DistillationOptions = {},
): Tensor {
  if (!Object.hasOwn(teacherLosses, kind))
    throw new RangeError(
      `distillationLoss: kind must be ${Object.keys(teacherLosses).join(' or ')}, got ${shown(kind)}`,
    );
  requirePositive('distillationLoss', { temperature });
  if (formatShape(distillation.shape) !== formatShape(teacher.shape))
    throw new RangeError(
      `distillationLoss: the student's logits ${formatShape(distillation.shape)} and the teacher's ${formatShape(teacher.shape)} differ in shape`,
    );
  const own = crossEntropy(logits, labels, { labelSmoothing, weight, ignoreIndex: null });
  const taught = teacherLosses[kind](distillation, teacher.detach(), temperature);
  return own.mul(1 - alpha).add(taught.mul(alpha));
}

const teacherLosses = {
  hard: (student: Tensor, teacher: Tensor): Tensor => crossEntropy(student, teacher.argmax(1), { ignoreIndex: null }),
  soft: (student: Tensor, teacher: Tensor, temperature: number): Tensor => {
    const target = teacher.div(temperature).logSoftmax(1);
    const divergence = target.exp().mul(target.sub(student.div(temperature).logSoftmax(1)));
    return divergence
      .sum(1)
      .mean()
      .mul(temperature ** 2);
  },
} satisfies Record<string, (student: Tensor, teacher: Tensor, temperature: number) => Tensor>;
