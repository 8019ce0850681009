/** The works that are timed, as plain data. */
import type { CLIPConfig } from '@tessera/models';

interface AnyWork {
  /** Matrix products in f16, as with autocast. Default: everything in f32. */
  readonly precision?: 'f16';
}

/** [batch, m, k] x [batch, k, n]. The last two axes of a transposed operand are swapped in memory. */
export interface GemmWork extends AnyWork {
  readonly kind: 'gemm';
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Input [images, channels, size, size], weight [filters, channels, window, window]. */
export interface ConvWork extends AnyWork {
  readonly kind: 'conv';
  readonly pass: 'forward' | 'input gradient' | 'weight gradient';
  readonly images: number;
  readonly channels: number;
  readonly size: number;
  readonly filters: number;
  readonly window: number;
  readonly stride: number;
  readonly padding: number;
}

/** Query, key and value [batch, heads, length, width]. */
export interface AttentionWork extends AnyWork {
  readonly kind: 'attention';
  readonly pass: 'forward' | 'forward and backward';
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly width: number;
  readonly causal: boolean;
}

/** One training step of CLIP: forward, contrastive loss, backward, clipping, AdamW, clamped logit_scale. */
export interface ClipStepWork extends AnyWork {
  readonly kind: 'clip-step';
  readonly preset: string;
  readonly config: CLIPConfig;
  readonly batch: number;
  readonly optimizer: {
    readonly lr: number;
    readonly weightDecay: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly clipGradNorm: number;
  };
  /** Safetensors file with the initial parameters and buffers under OpenAI's names. */
  readonly modelFile: string;
  /** Safetensors file with `images` f32 [batch, 3, R, R] and `tokens` i32 [batch, contextLength]. */
  readonly batchFile: string;
}

/** Any work. It is sent to the processes of the peers as JSON. */
export type Work = GemmWork | ConvWork | AttentionWork | ClipStepWork;

/** An epoch of loading images: decoded, augmented, in batches. It is timed only by the benchmark loader. */
export interface LoaderWork {
  /** Folder of JPEG files. */
  readonly files: string;
  /** The number of images. */
  readonly images: number;
  readonly imageSize: number;
  readonly batchSize: number;
  /** Processes or threads that load. */
  readonly workers: number;
  /** A name of `augmentations`. */
  readonly augmentation: 'clip' | 'trivialaugment' | 'randaugment' | 'drawings';
  /** Normalized f32 values, as models take them, or bytes. */
  readonly output: 'f32' | 'bytes';
}

/** The side of a convolution's output. */
export const outputSize = ({ size, window, stride, padding }: ConvWork): number =>
  Math.floor((size + 2 * padding - window) / stride) + 1;

/** A matrix product of one pair of matrices, unless `options` specify more. */
export const gemm = (m: number, n: number, k: number, options: Partial<GemmWork> = {}): GemmWork => ({
  kind: 'gemm',
  batch: 1,
  m,
  n,
  k,
  transposeA: false,
  transposeB: false,
  ...options,
});

/**
 * The number of floating-point operations by the usual count: two for each multiplication of the definition, without element-wise
 * operations. Null for a training step, whose count follows from its plan.
 */
export function operationsOf(work: Work): number | null {
  switch (work.kind) {
    case 'gemm':
      return 2 * work.batch * work.m * work.n * work.k;
    case 'conv':
      return 2 * work.images * work.filters * outputSize(work) ** 2 * work.channels * work.window ** 2;
    case 'attention': {
      // Two products forward; four backward, the two gradients of each.
      const products = work.pass === 'forward' ? 2 : 6;
      return products * 2 * work.batch * work.heads * work.length ** 2 * work.width;
    }
    case 'clip-step':
      return null;
    default:
      return work satisfies never;
  }
}

/** A description of the work for a table. */
export function labelOf(work: Work): string {
  switch (work.kind) {
    case 'gemm': {
      const { batch, m, n, k, transposeA, transposeB } = work;
      const a = transposeA ? `[${k}, ${m}]ᵀ` : `[${m}, ${k}]`;
      const b = transposeB ? `[${n}, ${k}]ᵀ` : `[${k}, ${n}]`;
      return `${batch > 1 ? `${batch} of ` : ''}${a} x ${b}`;
    }
    case 'conv': {
      const { images, channels, size, filters, window, stride, pass } = work;
      return `${images} x ${channels} x ${size}², ${filters} of ${window} x ${window} / ${stride}, ${pass}`;
    }
    case 'attention': {
      const { batch, heads, length, width, causal, pass } = work;
      return `${batch} x ${heads} heads, ${length} tokens, width ${width}${causal ? ', causal' : ''}, ${pass}`;
    }
    case 'clip-step':
      return `${work.preset}, ${work.batch} pairs`;
    default:
      return work satisfies never;
  }
}
