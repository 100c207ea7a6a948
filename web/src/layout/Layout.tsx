import { LogOut, Menu, Moon, Sun, X } from "lucide";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { signOut } from "../api/session";
import { language, speak, t } from "../i18n";
import { type Language, languages } from "../i18n/entry";
import { connection } from "../live/events";
import { pages } from "../pages";
import { place, to } from "../router";
import { switchTheme, theme } from "../theme";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { attempt, Toasts } from "../ui/Toast";
import "./layout.css";

function Brand() {
  return (
    <a class="brand" href={to("/")}>
      <img src="./icon.svg" alt="" />
      Descent
    </a>
  );
}

/** A page is current also while one below it is shown (`/runs/...` for Runs). */
function current(pattern: string, path: string): boolean {
  return path === pattern || (pattern !== "/" && path.startsWith(`${pattern}/`));
}

function Navigation() {
  return (
    <nav class="nav" aria-label={t("nav.label")}>
      {pages.map(({ pattern, nav }) =>
        nav ? (
          <a key={pattern} href={to(pattern)} aria-current={current(pattern, place.value.path) ? "page" : undefined}>
            <Icon of={nav.icon} />
            {t(nav.title)}
          </a>
        ) : null,
      )}
    </nav>
  );
}

function Live() {
  const state = connection.value;
  if (state === "ended") return null;
  return <span class={`live ${state}`} role="status"><i />{t(`live.${state}`)}</span>;
}

/** Language, theme, the way out. */
function Switches() {
  const dark = theme.value === "dark";
  return (
    <div class="foot">
      <Live />
      <div class="row">
        <select class="input" aria-label={t("shell.language")} value={language.value} onChange={(event) => speak(event.currentTarget.value as Language)}>
          {Object.entries(languages).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
        </select>
        <Button look="quiet" icon={dark ? Sun : Moon} label={t(dark ? "shell.to_light" : "shell.to_dark")} onClick={switchTheme} />
        <Button look="quiet" icon={LogOut} label={t("shell.sign_out")} onClick={() => void attempt(signOut)} />
      </div>
    </div>
  );
}

export function Layout({ children }: { children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const path = place.value.path;
  useEffect(() => setOpen(false), [path]);
  return (
    <div class="shell" onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
      <a class="skip" href="#main" onClick={skip}>{t("nav.skip")}</a>
      <header class="topbar">
        <Brand />
        <button type="button" class="button quiet bare" aria-label={t("nav.menu")} aria-expanded={open} aria-controls="sidebar" onClick={() => setOpen(!open)}>
          <Icon of={open ? X : Menu} size={20} />
        </button>
      </header>
      <div class={`sidebar${open ? " open" : ""}`} id="sidebar">
        <Brand />
        <Navigation />
        <Switches />
      </div>
      <main class="main" id="main" tabIndex={-1}>
        <div>{children}</div>
      </main>
      <Toasts />
    </div>
  );
}

/** The part behind `#` is the page's address, so the link moves the focus itself. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
