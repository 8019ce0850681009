/** Attention maps of an image, as one picture. */
export { type AttentionChoice, attentionSections } from './describe.ts';
export { attentionOfImage, attentiveTower, type ImageAttention, type TextRelevance } from './look.ts';
export type { PatchMap } from './overlay.ts';
export { drawSheet, type Sheet, type SheetSection } from './sheet.ts';
