/** Access to the page's elements, and the pieces that are built from data. */

/** An element by its id. @throws if it does not exist or has another type */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} with the id ${id}`);
  return found;
}

/** Sets the text of an element. */
export function text(id: string, value: string): void {
  element(id, HTMLElement).textContent = value;
}

/** Longer messages are shortened in a status line. */
const longest = 400;

/** Sets a status line. A failure is highlighted, and its complete text is written to the console. */
export function say(id: string, message: string, failed = false): void {
  const line = element(id, HTMLElement);
  line.textContent =
    message.length > longest ? `${message.slice(0, longest)} … (see the console for all of it)` : message;
  if (failed) console.error(message);
  line.classList.toggle('failed', failed);
}

/** Images below this width, in pixels, are enlarged without smoothing. */
const pixelated = 40;

/** An image with two lines of text below it. The object URL of the image is revoked after loading. */
export function pictureItem(encoded: Uint8Array<ArrayBuffer>, name: string, detail: string): HTMLLIElement {
  const item = document.createElement('li');
  const image = document.createElement('img');
  image.alt = '';
  image.src = URL.createObjectURL(new Blob([encoded]));
  image.onload = () => {
    URL.revokeObjectURL(image.src);
    image.classList.toggle('small', image.naturalWidth < pixelated);
  };
  const lines = Object.entries({ name, detail }).map(([className, value]) => {
    const line = document.createElement('div');
    line.className = className;
    line.textContent = value;
    line.title = value;
    return line;
  });
  item.append(image, ...lines);
  return item;
}
