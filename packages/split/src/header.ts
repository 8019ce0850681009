import { z } from 'zod';

/** What tells whether two halves are of one model. */
export interface ModelIdentity {
  /** The class of the tower, for messages. */
  readonly tower: string;
  /** SHA-256 of the configuration and of the tensors' names, dtypes and shapes. */
  readonly configuration: string;
  /** SHA-256 of the tensors' values. */
  readonly weights: string;
}

/** Floating-point types that tokens travel in. */
export const handOffDTypes = ['f32', 'f16', 'bf16'] as const;
export type HandOffDType = (typeof handOffDTypes)[number];

/** The version of the format that is written, and the only one that is read. */
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

/** What a stream says of all its batches. */
export interface HandOffHeader {
  readonly version: typeof handOffVersion;
  readonly model: ModelIdentity;
  readonly dtype: HandOffDType;
  /** Length of a sequence. */
  readonly tokens: number;
  readonly width: number;
  /** Tokens in front of the patches: class token and the like. */
  readonly prefix: number;
  /** Rows and columns of the patches; with `packed` the most that an image may have. */
  readonly grid: readonly [rows: number, columns: number];
  /**
   * `grid`: every sequence is one image, `prefix` tokens, then the grid row by row. `packed`: several images share a sequence, and
   * each token has its image and its place with it.
   */
  readonly layout: 'grid' | 'packed';
  /** Whether each sequence has a mask. Packed ones have none: the numbers of their images say what is padding. */
  readonly mask: boolean;
  /** Sequences of a batch; the last one may have fewer. */
  readonly batchSize: number;
}

/** A stream that is damaged, or that this model cannot take. */
export class HandOffError extends Error {
  override name = 'HandOffError';
}

/** Under which key of the schema's metadata the header lies. */
export const headerKey = 'tessera_hand_off';

/** Parses a header and holds its numbers against each other. @throws HandOffError */
export function parseHeader(text: string | undefined): HandOffHeader {
  if (text === undefined) throw new HandOffError(`is no hand-off: the schema's metadata have no ${headerKey}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new HandOffError(`is damaged: ${headerKey} is not JSON`);
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== handOffVersion)
    throw new HandOffError(
      `has version ${JSON.stringify(version)}; version ${handOffVersion} is read here: run both halves with the same release`,
    );
  const parsed = headerSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HandOffError(`is damaged: ${headerKey}.${issue?.path.join('.')}: ${issue?.message}`);
  }
  return checkHeader(parsed.data);
}

/** @throws HandOffError where length, prefix and grid contradict each other */
export function checkHeader(header: HandOffHeader): HandOffHeader {
  const { tokens, prefix, grid, layout, mask } = header;
  if (layout === 'grid' && tokens !== prefix + grid[0] * grid[1])
    throw new HandOffError(
      `claims sequences of ${tokens} tokens; ${prefix} in front of ${grid.join(' x ')} patches make ${prefix + grid[0] * grid[1]}`,
    );
  if (layout === 'packed' && (prefix !== 0 || mask))
    throw new HandOffError('is packed: such a sequence has no tokens in front and no mask of its own');
  return header;
}

/** Holds a received header against the model's own. @throws HandOffError that names what differs */
export function checkIdentity(received: HandOffHeader, own: Omit<HandOffHeader, 'dtype' | 'batchSize' | 'mask'>): void {
  const shape = ({ tokens, width, prefix, grid, layout }: typeof own): string =>
    layout === 'grid'
      ? `[B, ${tokens}, ${width}] (${prefix} + ${grid.join(' x ')} places)`
      : `[B, T, ${width}] (packed, grids of at most ${grid.join(' x ')})`;
  if (shape(received) !== shape(own))
    throw new HandOffError(
      `comes from ${received.model.tower} and has tokens ${shape(received)}; this model takes ${shape(own)}`,
    );
  if (received.model.configuration !== own.model.configuration)
    throw new HandOffError(
      `comes from ${received.model.tower} of another configuration: its front half does not belong to this ${own.model.tower}`,
    );
  if (received.model.weights !== own.model.weights)
    throw new HandOffError(
      'comes from a model of the same configuration with other weights: take the same run and checkpoint on both sides',
    );
}
