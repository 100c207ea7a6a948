// Which page is shown: the sign-in page for nobody, else the one whose pattern fits the address.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "./api/problem";
import { session } from "./api/session";
import { t } from "./i18n";
import { Layout } from "./layout/Layout";
import { type PageEntry, type PageProps, pages } from "./pages";
import { SignIn } from "./pages/signin/SignIn";
import { match, place, to } from "./router";
import { LinkButton } from "./ui/Button";
import { Empty, ProblemNotice, Skeleton } from "./ui/State";

/** Pages whose code is here already. */
const loaded = new Map<PageEntry, ComponentType<PageProps>>();

function find(path: string): { page: PageEntry; params: Record<string, string> } | null {
  for (const page of pages) {
    const params = match(page.pattern, path);
    if (params) return { page, params };
  }
  return null;
}

function NotFound() {
  return (
    <Empty title={t("shell.not_found")} actions={<LinkButton href={to("/")}>{t("shell.go_home")}</LinkButton>}>
      {t("shell.not_found_body")}
    </Empty>
  );
}

function Page() {
  const { path, query } = place.value;
  const found = find(path);
  const page = found?.page;
  const [, drawAgain] = useState(0);
  const [problem, setProblem] = useState<Problem>();

  useEffect(() => {
    setProblem(undefined);
    if (!page || loaded.has(page)) return;
    page.load().then(
      (module) => {
        loaded.set(page, module.default);
        drawAgain((n) => n + 1);
      },
      (error: unknown) => setProblem(Problem.from(error)),
    );
  }, [page]);

  if (!found) return <NotFound />;
  if (problem) return <ProblemNotice problem={problem} retry={() => location.reload()} />;
  const Shown = loaded.get(found.page);
  // A new key for another thing on the same page, so that nothing of the one before is left in its state.
  return Shown ? <Shown key={path} params={found.params} query={query} /> : <Skeleton lines={6} />;
}

export function App() {
  const { path, query } = place.value;
  if (session.value === undefined) return null;
  if (path === "/signin" || session.value === null) return <SignIn code={query.get("code")} />;
  return (
    <Layout>
      <Page />
    </Layout>
  );
}
