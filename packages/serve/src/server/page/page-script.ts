/** The script of the page. The server sends the text of this function, so it uses nothing from outside of itself. */
import type { Answers } from '../schemas.ts';

export function pageScript(): void {
  const shown = 12;

  function element<Name extends keyof HTMLElementTagNameMap>(
    name: Name,
    className: string,
    ...content: readonly (Node | string)[]
  ): HTMLElementTagNameMap[Name] {
    const made = document.createElement(name);
    made.className = className;
    made.append(...content);
    return made;
  }

  // The policy of the page allows pictures from data: addresses, not from blob:.
  const pictureOf = (file: Blob): Promise<HTMLImageElement> =>
    new Promise((resolve) => {
      const reader = new FileReader();
      const picture = element('img', '');
      picture.alt = file instanceof File ? file.name : '';
      reader.onload = () => {
        picture.src = String(reader.result);
        resolve(picture);
      };
      reader.readAsDataURL(file);
    });

  const percent = (value: number): string => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;

  /** Names with bars for their probabilities. */
  function bars(list: readonly { readonly name: string; readonly probability: number }[]): HTMLElement {
    const rows = list.slice(0, shown).map(({ name, probability }) => {
      const fill = element('i', '');
      fill.style.width = `${100 * probability}%`;
      return element(
        'div',
        'probability',
        element('span', 'name', name),
        element('b', '', fill),
        element('span', 'number', percent(probability)),
      );
    });
    if (list.length > shown) rows.push(element('div', 'note', `and ${list.length - shown} more`));
    return element('div', 'probabilities', ...rows);
  }

  /** What is said of each image, next to it. */
  async function besideImages(files: readonly File[], contents: readonly Node[]): Promise<Node[]> {
    return Promise.all(
      contents.map(async (content, k) => {
        const file = files[k];
        const picture = file === undefined ? [] : [await pictureOf(file)];
        return element('div', 'answer', ...picture, content);
      }),
    );
  }

  function prediction(answer: Answers['predict']['images'][number]): Node {
    const { name: _, kind, pictures, ...rest } = answer;
    if (Array.isArray(pictures) && pictures.length > 0) {
      const picture = element('img', 'drawn');
      picture.src = String(pictures.at(-1));
      return picture;
    }
    if (typeof rest.caption === 'string') return element('p', 'said', rest.caption);
    if (Array.isArray(rest.classes)) return bars(rest.classes);
    if (Array.isArray(rest.texts)) return bars(rest.texts);
    if (Array.isArray(rest.answers))
      return element(
        'div',
        'said',
        ...rest.answers.map((one: { question: string; name: string; probability: number }) =>
          element('p', '', `${one.question} `, element('b', '', one.name), ` (${percent(one.probability)})`),
        ),
      );
    return element('pre', '', JSON.stringify({ kind, ...rest }, null, 1).slice(0, 4000));
  }

  const cosine = (a: readonly number[], b: readonly number[]): number => {
    const dot = (x: readonly number[], y: readonly number[]): number =>
      x.reduce((sum, value, d) => sum + value * (y[d] ?? 0), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };

  /** A table with the cosines of all embeddings; shades show how large they are. */
  function cosines(rows: readonly { readonly name: string; readonly values: readonly number[] }[]): HTMLElement {
    const kept = rows.slice(0, shown);
    const head = element('tr', '', element('th', ''), ...kept.map((_, k) => element('th', '', String(k + 1))));
    const body = kept.map((row, k) =>
      element(
        'tr',
        '',
        element('th', 'left', `${k + 1}. ${row.name}`),
        ...kept.map((column) => {
          const value = cosine(row.values, column.values);
          const cell = element('td', '', value.toFixed(2));
          cell.style.backgroundColor = `color-mix(in srgb, var(--accent) ${Math.round(45 * Math.max(0, value))}%, transparent)`;
          return cell;
        }),
      ),
    );
    return element('div', 'scroll', element('table', 'cosines', head, ...body));
  }

  /** How each answer is shown. */
  const show: Readonly<
    Record<string, (answer: never, files: readonly File[], texts: readonly string[]) => Promise<Node[]> | Node[]>
  > = {
    classify: ({ images, kind, threshold }: Answers['classify'], files) =>
      besideImages(
        files,
        images.map(({ classes }) =>
          bars(
            kind === 'tags'
              ? classes.filter(({ probability }, k) => k === 0 || probability >= (threshold ?? 0))
              : classes,
          ),
        ),
      ),
    predict: ({ images }: Answers['predict'], files) => besideImages(files, images.map(prediction)),
    search: ({ queries }: Answers['search']) =>
      queries.flatMap(({ query, found }) => [
        element('div', 'note query', query),
        element(
          'div',
          'found',
          ...found.map(({ similarity, thumbnail, path, split, row }) => {
            const picture = element('img', '');
            picture.src = `.${thumbnail}`;
            picture.loading = 'lazy';
            picture.alt = picture.title = path ?? `${split}, row ${row}`;
            return element('figure', '', picture, element('figcaption', 'note', similarity.toFixed(3)));
          }),
        ),
      ]),
    embed: ({ dims, images, texts }: Answers['embed'], files, asked) => {
      const rows = [
        ...images.map((values, k) => ({ name: files[k]?.name ?? `image ${k}`, values })),
        ...texts.map((values, k) => ({ name: asked[k] ?? '', values })),
      ];
      const lines = rows.slice(0, shown).map(({ name, values }, k) =>
        element(
          'div',
          'vector',
          element('span', 'name', `${k + 1}. ${name}`),
          element(
            'code',
            '',
            `[${values
              .slice(0, 4)
              .map((value) => value.toFixed(3))
              .join(', ')}, …]`,
          ),
        ),
      );
      return [
        element('p', 'note', `${rows.length} x ${dims} numbers`),
        ...lines,
        ...(rows.length > 1 ? [element('p', 'note', 'Cosines'), cosines(rows)] : []),
      ];
    },
  };

  /** The images of a form: chosen, dropped or pasted. */
  function imagesOf(form: HTMLFormElement): () => readonly File[] {
    let files: readonly File[] = [];
    const drop = form.querySelector<HTMLLabelElement>('.drop');
    const input = drop?.querySelector('input');
    const previews = drop?.querySelector('.previews');
    if (drop == null || input == null || previews == null) return () => files;
    const take = async (list: Iterable<File>): Promise<void> => {
      files = [...list].filter((file) => file.type.startsWith('image/'));
      const pictures = await Promise.all(files.slice(0, 6).map(pictureOf));
      previews.replaceChildren(...pictures, ...(files.length > 6 ? [`+ ${files.length - 6}`] : []));
      drop.classList.toggle('full', files.length > 0);
      form.classList.add('changed');
    };
    input.addEventListener('change', () => take(input.files ?? []));
    drop.addEventListener('dragover', (event) => {
      event.preventDefault();
      drop.classList.add('over');
    });
    drop.addEventListener('dragleave', () => drop.classList.remove('over'));
    drop.addEventListener('drop', (event) => {
      event.preventDefault();
      drop.classList.remove('over');
      void take(event.dataTransfer?.files ?? []);
    });
    form.addEventListener('paste', (event) => {
      const pasted = event.clipboardData?.files ?? [];
      if (pasted.length > 0) void take(pasted);
    });
    return () => files;
  }

  /** The form as it is sent: the images, and each line of a text by itself. */
  function bodyOf(form: HTMLFormElement, files: readonly File[]): FormData {
    const body = new FormData();
    for (const field of form.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(
      'textarea, input:not([type=file])',
    ))
      for (const line of field.value.split('\n').map((text) => text.trim()))
        if (line !== '') body.append(field.name, line);
    for (const file of files) body.append('image', file);
    if (form.dataset.path === 'predict') body.append('draw', 'true');
    return body;
  }

  async function send(form: HTMLFormElement, files: readonly File[]): Promise<void> {
    const path = form.dataset.path ?? '';
    const [button, status, result] = ['button', '.status', '.result'].map((selector) => form.querySelector(selector));
    if (!(button instanceof HTMLButtonElement) || status == null || result == null) return;
    const start = performance.now();
    button.disabled = true;
    status.className = 'status';
    status.textContent = 'computing …';
    try {
      const body = bodyOf(form, files);
      const response = await fetch(`./${path}`, { method: 'POST', body });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      const nodes = await show[path]?.(answer as never, files, body.getAll('text').map(String));
      result.replaceChildren(...(nodes ?? []));
      status.textContent = `${Math.round(performance.now() - start)} ms`;
    } catch (error) {
      result.replaceChildren();
      status.className = 'status wrong';
      status.textContent = (error as Error).message;
    } finally {
      button.disabled = false;
    }
  }

  for (const form of document.querySelectorAll<HTMLFormElement>('form.try')) {
    const files = imagesOf(form);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void send(form, files());
    });
  }
  for (const code of document.querySelectorAll('.code')) {
    const [text, button] = [code.querySelector('pre'), code.querySelector('button')];
    button?.addEventListener('click', async () => {
      await navigator.clipboard.writeText(text?.textContent ?? '');
      button.textContent = 'Copied';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 1500);
    });
  }
}
