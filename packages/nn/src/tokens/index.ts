/** Functions of sequences of tokens: their positions, one token of each, and where attention flows between them. */
export * from './attention-rollout.ts';
export * from './positions.ts';
export * from './token-at.ts';
