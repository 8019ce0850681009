/** Scenes with pictures in them, as files. */
import { decodeImage, encodePng } from '@tessera/data';
import { placeInScenes, type SceneSize } from '../tasks/scenes.ts';

/** The scenes of pictures, which have the numbers of their rows, as PNG files. */
export async function sceneFiles(pictures: readonly Uint8Array[], size: SceneSize): Promise<Uint8Array[]> {
  return Promise.all(
    pictures.map(async (picture, row) => {
      const { data } = await decodeImage(picture, { kind: 'square', size: size.picture });
      const scene = await placeInScenes(data, Int32Array.of(row), size).data();
      return encodePng(Uint8Array.from(scene), size.width, size.height, 3);
    }),
  );
}
