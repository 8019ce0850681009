/** The setting `data.limitTrain`: how much of the training split is used. */
import { z } from 'zod';

const explanation = 'expected a number of rows, such as 500, or a share of them, such as 0.1 or 10%';

/** 0.1, "0.1", "10%" and 500 as a number; anything else stays as it is, to be refused. */
function numberOf(value: string): number {
  const [, digits, percent] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(value) ?? [];
  return digits === undefined ? Number.NaN : Number(digits) / (percent === '%' ? 100 : 1);
}

/** Null: all rows; below 1: a share of the rows; otherwise their number. */
export const limitTrain = z
  .union([z.number(), z.string()])
  .nullable()
  .default(null)
  .transform((value, context): number | null => {
    if (value === null) return null;
    const number = typeof value === 'string' ? numberOf(value) : value;
    const isPercentage = typeof value === 'string' && value.includes('%');
    if (isPercentage && number === 1) return null;
    const isShare = number > 0 && number < 1;
    if (isShare || (!isPercentage && number >= 1 && Number.isInteger(number))) return number;
    context.addIssue({ code: 'custom', message: explanation });
    return z.NEVER;
  })
  .describe(
    'number of rows of the training split that are used, or their share, such as 0.1 or 10%: the same ones in every run, with each class at its share; null: all',
  )
  .meta({ flag: 'limit-train' });
