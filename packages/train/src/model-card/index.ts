/** `@tessera/train/model-card`: the README.md of a folder with a model. */
export { type FolderLibrary, type FolderModel, folderLibraries } from './loading.ts';
export { type CardData, type ModelCardFacts, modelCard } from './model-card.ts';
export { type ResultRow, resultRows } from './results.ts';
