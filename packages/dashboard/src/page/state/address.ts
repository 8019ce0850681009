/** What the page shows is in its address, so that a link shows the same. */
import { type Address, formatAddress, parseAddress } from './address-text.ts';
import { Store, useStore } from './store.ts';

const address = new Store(parseAddress(location.search));
addEventListener('popstate', () => {
  address.value = parseAddress(location.search);
});

/** Changes the address. `push`: the browser's back button returns to the present one. */
export function go(change: Partial<Address>, { push = false } = {}): void {
  const next = { ...address.value, ...change };
  const text = formatAddress(next);
  if (push) history.pushState(null, '', text);
  else history.replaceState(null, '', text);
  address.value = next;
  if (push) scrollTo(0, 0);
}

export const useAddress = (): Address => useStore(address);

/** Attributes of a link within the page. */
export const linkTo = (change: Partial<Address>) => ({
  href: formatAddress({ ...address.value, ...change }),
  onClick: (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(change, { push: true });
  },
});

/** What another view starts with. */
export const freshView: Partial<Address> = { run: null, sweep: null, tab: null, range: null };
