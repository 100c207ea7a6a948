// Small choices of the reader that outlive the page. A browser that forbids storage only forgets them.

/** A value under `name`; `parse` answers null for what is not (or no longer) a choice. */
export function remembered<T extends string>(name: string, parse: (value: string) => T | null) {
  const key = `descent.${name}`;
  return {
    read(): T | null {
      try {
        const value = localStorage.getItem(key);
        return value === null ? null : parse(value);
      } catch {
        return null;
      }
    },
    write(value: T | null): void {
      try {
        if (value === null) localStorage.removeItem(key);
        else localStorage.setItem(key, value);
      } catch {
        // Storage is switched off; the choice holds until the page is closed.
      }
    },
  };
}
