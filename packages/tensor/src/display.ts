/** `@tessera/tensor/display`: what a value needs that notebooks show richly. It loads no tensors, and needs no notebook. */
export { Html, html } from './printing/html.ts';
export {
  type Displayable,
  display,
  type MediaBundle,
  type Table,
  type TableRow,
  tableHtml,
} from './printing/notebook.ts';
