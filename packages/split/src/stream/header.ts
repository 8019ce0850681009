/** The header of a stream: sizes, types, and the identity of the model. */
import { z } from 'zod';

/** Identifies a model, so that two halves of different models are not combined. */
export interface ModelIdentity {
  /** The class of the tower, for messages. */
  readonly tower: string;
  /** SHA-256 of the configuration and of the tensors' names, dtypes and shapes. */
  readonly configuration: string;
  /** SHA-256 of the tensors' values. */
  readonly weights: string;
}

/** Floating-point types of the tokens in a stream. */
export const handOffDTypes = ['f32', 'f16', 'bf16'] as const;
export type HandOffDType = (typeof handOffDTypes)[number];

/** The version of the format. Only this version is read. */
export const handOffVersion = 1;

const count = (most: number) => z.int().min(1).max(most);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const headerSchema = z.strictObject({
  version: z.literal(handOffVersion),
  model: z.strictObject({ tower: z.string().max(100), configuration: digest, weights: digest }),
  dtype: z.enum(handOffDTypes),
  tokens: count(2 ** 20),
  width: count(2 ** 16),
  prefix: z.int().min(0).max(16),
  grid: z.tuple([count(2 ** 16), count(2 ** 16)]),
  layout: z.enum(['grid', 'packed']),
  mask: z.boolean(),
  batchSize: count(2 ** 16),
});

/** The common properties of all batches of a stream. */
export interface HandOffHeader {
  readonly version: typeof handOffVersion;
  readonly model: ModelIdentity;
  readonly dtype: HandOffDType;
  /** Length of a sequence. */
  readonly tokens: number;
  readonly width: number;
  /** The number of tokens before the patches, such as the class token. */
  readonly prefix: number;
  /** Rows and columns of the patches; for `packed` the largest grid of an image. */
  readonly grid: readonly [rows: number, columns: number];
  /**
   * `grid`: a sequence is one image: `prefix` tokens, then the grid row by row. `packed`: several images share a sequence, and the
   * image, row and column of each token are stored with it.
   */
  readonly layout: 'grid' | 'packed';
  /** Whether each sequence has a mask. Packed sequences have none: their image indices mark the padding. */
  readonly mask: boolean;
  /** Sequences per batch; the last batch may have fewer. */
  readonly batchSize: number;
}

/** An error of a stream: it is damaged, or does not fit the model. */
export class HandOffError extends Error {
  override name = 'HandOffError';
}

/** The key of the schema's metadata under which the header is stored. */
export const headerKey = 'tessera_hand_off';

/** Parses a header and checks that its numbers are consistent. @throws HandOffError */
export function parseHeader(text: string | undefined): HandOffHeader {
  if (text === undefined)
    throw new HandOffError(`is not a stream of tokens: the schema's metadata has no ${headerKey}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new HandOffError(`is damaged: ${headerKey} is not JSON`);
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== handOffVersion)
    throw new HandOffError(
      `has version ${JSON.stringify(version)}, but only version ${handOffVersion} can be read; run both halves with the same release`,
    );
  const parsed = headerSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HandOffError(`is damaged: ${headerKey}.${issue?.path.join('.')}: ${issue?.message}`);
  }
  return checkHeader(parsed.data);
}

/** Checks that the numbers of a header are consistent. @throws HandOffError if length, prefix and grid contradict each other */
export function checkHeader(header: HandOffHeader): HandOffHeader {
  const { tokens, prefix, grid, layout, mask } = header;
  if (layout === 'grid' && tokens !== prefix + grid[0] * grid[1])
    throw new HandOffError(
      `announces sequences of ${tokens} tokens, but ${prefix} + ${grid.join(' x ')} patches are ${prefix + grid[0] * grid[1]}`,
    );
  if (layout === 'packed' && (prefix !== 0 || mask))
    throw new HandOffError('is packed: packed sequences have no tokens before the patches and no mask');
  return header;
}

/** Compares a received header with the model's own. @throws HandOffError that says what differs */
export function checkIdentity(received: HandOffHeader, own: Omit<HandOffHeader, 'dtype' | 'batchSize' | 'mask'>): void {
  const shape = ({ tokens, width, prefix, grid, layout }: typeof own): string =>
    layout === 'grid'
      ? `[B, ${tokens}, ${width}] (${prefix} + ${grid.join(' x ')} patches)`
      : `[B, T, ${width}] (packed, grids of at most ${grid.join(' x ')})`;
  if (shape(received) !== shape(own))
    throw new HandOffError(
      `comes from a ${received.model.tower} and has tokens ${shape(received)}; this model takes ${shape(own)}`,
    );
  if (received.model.configuration !== own.model.configuration)
    throw new HandOffError(
      `comes from a ${received.model.tower} of another configuration; its front half does not belong to this ${own.model.tower}`,
    );
  if (received.model.weights !== own.model.weights)
    throw new HandOffError(
      'comes from a model of the same configuration with other weights; use the same run and checkpoint on both sides',
    );
}
