import "./tabs.css";

/** Parts of a page that have an address each, so that Back works and a link leads to the part. */
export function Tabs({ label, tabs }: { label: string; tabs: { href: string; text: string; current: boolean }[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => <a key={tab.href} href={tab.href} aria-current={tab.current ? "page" : undefined}>{tab.text}</a>)}
    </nav>
  );
}

/** One of a few, all of them in sight. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void }) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>{text}</button>
      ))}
    </div>
  );
}
