/** Trained models at work: search in images by text or by image. */
export { drawContactSheet, nameOf } from './search/contact-sheet.ts';
export {
  type FoundImage,
  findNearest,
  type ImageIndex,
  type IndexedImage,
  type IndexUpdate,
  type LeftOutImage,
  openIndex,
  updateIndex,
} from './search/image-index.ts';
export { type FoundFile, readFound } from './search/read-found.ts';
export { renderSearchPage } from './search/search-page.ts';
