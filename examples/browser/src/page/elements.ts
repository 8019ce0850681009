/** The page's elements, by their id. @throws for one that is not there or of another kind */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

export function text(id: string, value: string): void {
  element(id, HTMLElement).textContent = value;
}

/** A status line is no place for what is longer. */
const longest = 400;

/** A status line; a failure is told apart, and its whole text goes to the console too. */
export function say(id: string, message: string, failed = false): void {
  const line = element(id, HTMLElement);
  line.textContent = message.length > longest ? `${message.slice(0, longest)} … (all of it in the console)` : message;
  if (failed) console.error(message);
  line.classList.toggle('failed', failed);
}

/** Smaller than this a picture is shown by its pixels. */
const pixelated = 40;

/** One picture with two lines below it. The image's address is given back when it was loaded. */
export function pictureItem(encoded: Uint8Array<ArrayBuffer>, name: string, detail: string): HTMLLIElement {
  const item = document.createElement('li');
  const image = document.createElement('img');
  image.alt = '';
  image.src = URL.createObjectURL(new Blob([encoded]));
  image.onload = () => {
    URL.revokeObjectURL(image.src);
    image.classList.toggle('small', image.naturalWidth < pixelated);
  };
  const lines = [
    ['name', name],
    ['detail', detail],
  ].map(([kind, value]) => {
    const line = document.createElement('div');
    line.className = kind as string;
    line.textContent = value as string;
    line.title = value as string;
    return line;
  });
  item.append(image, ...lines);
  return item;
}
