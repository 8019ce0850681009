/** Examples for the command line, for what the model can do. */
import type { ModelCard } from '../schemas.ts';

export interface Example {
  readonly title: string;
  readonly lines: readonly string[];
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Lines of one command, which a shell joins. */
const command = (...parts: readonly string[]): string =>
  parts.map((part, k) => (k === 0 ? part : `  ${part}`)).join(' \\\n');

/** @param origin the server's address, without a slash at its end */
export function examplesFor({ can, asks, classes }: ModelCard, origin: string, hasToken: boolean): Example[] {
  const curl = hasToken ? 'curl -H "Authorization: Bearer $TOKEN"' : 'curl';
  const json = (path: string, value: object, more: readonly string[] = []): string =>
    command(
      `${curl} ${origin}${path}`,
      ...more,
      "-H 'Content-Type: application/json'",
      `-d ${quoted(JSON.stringify(value))}`,
    );
  const files = (path: string, ...fields: readonly string[]): string =>
    command(`${curl} ${origin}${path}`, ...fields.map((field) => `-F ${field}`));
  const examples: (Example | false)[] = [
    can.classify === 'own classes' && {
      title: 'Classify images',
      lines: [
        command(
          `${curl} '${origin}/classify?topK=${Math.min(5, classes?.length ?? 5)}'`,
          '--data-binary @photo.jpg',
          "-H 'Content-Type: image/jpeg'",
        ),
        files('/classify', 'image=@one.jpg', 'image=@two.jpg', 'topK=3'),
      ],
    },
    can.classify === 'given classes' && {
      title: 'Classify images by classes of your own',
      lines: [
        files(
          '/classify',
          'image=@one.jpg',
          'image=@two.jpg',
          "class='cat'",
          "class='dog'",
          "template='a photo of a {}'",
        ),
      ],
    },
    can.embedImages && {
      title: 'Embed images',
      lines: [
        files('/embed', 'image=@one.jpg', 'image=@two.jpg', 'normalize=true'),
        command(`${curl} ${origin}/embed`, '-F image=@one.jpg', "-H 'Accept: application/octet-stream'", '-o one.f32'),
      ],
    },
    can.embedTexts && {
      title: 'Embed texts',
      lines: [
        json('/embed', { texts: ['a red umbrella', 'a dog'] }),
        json('/embed', { texts: ['a dog'] }, ["-H 'Accept: application/x-safetensors'", '-o texts.safetensors']),
      ],
    },
    can.search.length > 0 && {
      title: 'Search in images',
      lines: [
        ...(can.search.includes('texts') ? [json('/search', { texts: ['a red umbrella'], topK: 5 })] : []),
        files('/search', 'image=@one.jpg', 'topK=5'),
      ],
    },
    can.predict &&
      can.classify !== 'own classes' && {
        title: 'Ask about images',
        lines: [
          files(
            '/predict',
            'image=@one.jpg',
            ...(asks.includes('texts') ? ["text='a cat'", "text='a dog on a sofa'"] : []),
            ...(asks.includes('questions') ? ["question='is there a dog?'"] : []),
          ),
        ],
      },
  ];
  return examples.filter((example) => example !== false);
}
