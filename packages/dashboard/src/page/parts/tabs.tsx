/** The tabs of a view. */
import { go } from '../state/address.ts';

interface TabsProps<Name extends string> {
  readonly names: readonly Name[];
  readonly labels: Readonly<Record<Name, string>>;
  readonly chosen: Name;
}

export function Tabs<Name extends string>({ names, labels, chosen }: TabsProps<Name>) {
  return (
    <div class="tabs" role="tablist">
      {names.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === chosen}
          onClick={() => go({ tab: name === names[0] ? null : name }, { push: true })}
        >
          {labels[name]}
        </button>
      ))}
    </div>
  );
}

/** The tab that an address names, or the first. */
export const chosenTab = <Name extends string>(names: readonly Name[], tab: string | null): Name =>
  names.find((name) => name === tab) ?? (names[0] as Name);
