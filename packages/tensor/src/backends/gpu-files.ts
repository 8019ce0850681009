/** Tells from the files in /dev whether a Linux machine has a GPU. */

/** Device files through which Linux accesses a GPU: render nodes, NVIDIA's, WSL's, and two kinds of phones'. */
const gpuDevices = /^(renderD\d+|nvidia\d+|dxg|kgsl-3d0|mali0)$/;

/**
 * The reason why this machine certainly has no GPU, judging by /dev; null where it may have one, and always outside Node on Linux. This
 * is quick and silent, whereas the Vulkan loader prints warnings where no driver is installed.
 */
export function whyNoGpuFile(): string | null {
  if (typeof process === 'undefined' || process.platform !== 'linux') return null;
  if (typeof process.getBuiltinModule !== 'function') return null;
  const { readdirSync } = process.getBuiltinModule('node:fs');
  const list = (folder: string): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return [...list('/dev'), ...list('/dev/dri')].some((name) => gpuDevices.test(name))
    ? null
    : '/dev contains no GPU device (dri/renderD*, nvidia*, dxg)';
}
