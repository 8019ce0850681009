export * from './builder.ts';
export { buildEmoji, type EmojiOptions, emoji, planEmoji } from './emoji/index.ts';
export { fashionMnist, fashionMnistFrom } from './fashion-mnist/index.ts';
export { buildFromFolder, type FolderOptions, type FolderReport } from './folder/index.ts';
export { InputProblems } from './folder/problems.ts';
export { mnist } from './mnist/index.ts';
export * from './registry.ts';
