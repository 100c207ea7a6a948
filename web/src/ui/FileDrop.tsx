import { FileUp } from "lucide";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./Icon";
import "./drop.css";

/** A place to drop files on; it is also a file input, so keyboards and screen readers have the same door. */
export function FileDrop({ title, children, multiple = false, onFiles }: { title: string; children?: ComponentChildren; multiple?: boolean; onFiles: (files: File[]) => void }) {
  const [over, setOver] = useState(false);
  const take = (list: FileList | null | undefined) => {
    const files = [...(list ?? [])];
    if (files.length > 0) onFiles(files);
  };
  return (
    <label
      class={`drop${over ? " over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <Icon of={FileUp} size={26} />
      <strong>{title}</strong>
      <span class="soft small">{children}</span>
      <input
        class="only-read"
        type="file"
        multiple={multiple}
        onChange={(event) => {
          take(event.currentTarget.files);
          // The same file may be chosen again after it was refused.
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}
