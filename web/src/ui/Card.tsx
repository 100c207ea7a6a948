import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./card.css";

interface CardProps {
  title?: ComponentChildren;
  /** Buttons at the right of the title. */
  actions?: ComponentChildren;
  /** Without a padding of its own, for tables that reach the edge. */
  flush?: boolean;
  children?: ComponentChildren;
}

export function Card({ title, actions, flush = false, children }: CardProps) {
  const id = useId();
  return (
    <section class={`card${flush ? " flush" : ""}`} aria-labelledby={title ? id : undefined}>
      {title && (
        <header>
          <h2 id={id}>{title}</h2>
          {actions && <div class="row">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** The head of a page: its one h1, a sentence about it, and what can be done here. */
export function PageHead({ title, about, actions }: { title: ComponentChildren; about?: ComponentChildren; actions?: ComponentChildren }) {
  return (
    <div class="page-head">
      <div>
        <h1>{title}</h1>
        {about && <p>{about}</p>}
      </div>
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}

/** Names with their values, side by side. */
export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
