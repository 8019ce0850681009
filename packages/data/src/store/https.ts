/** Files at `https://` addresses. Servers do not list their files, so a pattern has braces, but no `*`. */
import { type HttpOptions, openHttp } from './http.ts';
import { braceExpand, isWildcard } from './pattern.ts';
import type { Store } from './source.ts';

export const httpsStore = (options: Partial<HttpOptions> = {}): Store => ({
  async list(pattern) {
    if (isWildcard(new URL(pattern).pathname))
      throw new Error(
        `${pattern}: a server does not list its files; name them with braces instead of * and ?: shard-{00000..00331}.tar`,
      );
    return braceExpand(pattern);
  },
  open: (url) => openHttp(url, options),
});
