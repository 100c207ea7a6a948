import { useEffect, useState } from "preact/hooks";
import { Problem } from "../../api/problem";
import { signIn } from "../../api/session";
import { t } from "../../i18n";
import { go, place } from "../../router";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Notice, ProblemNotice, Skeleton } from "../../ui/State";
import "../../ui/card.css";
import "./signin.css";

/** Signs in with a token, or at once with the code of the link that the server printed. */
export function SignIn({ code }: { code: string | null }) {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(code !== null);
  const [problem, setProblem] = useState<Problem>();
  const [linkFailed, setLinkFailed] = useState(false);

  const enter = async (credential: { token: string } | { code: string }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await signIn(credential);
      // The code is used up and has no place in the history; any other address is where the reader wanted to go.
      if (place.value.path === "/signin") go("/", {}, "replace");
    } catch (error) {
      setProblem(Problem.from(error));
      setLinkFailed("code" in credential);
      setBusy(false);
    }
  };

  useEffect(() => {
    if (code) void enter({ code });
    // The code is used once, when the page is opened.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  return (
    <main class="signin">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter({ token: token.trim() });
        }}
      >
        <div class="brand"><img src="./icon.svg" alt="" />Descent</div>
        <div class="card">
          <h1>{t("signin.title")}</h1>
          {busy && code && !linkFailed ? (
            <>
              <p>{t("signin.exchanging")}</p>
              <Skeleton lines={2} />
            </>
          ) : (
            <>
              {linkFailed && <Notice look="warn" title={t("signin.link_failed")}>{problem?.message}</Notice>}
              <p>{t("signin.about")}</p>
              <TextField label={t("signin.token")} hint={t("signin.token_hint")} type="password" autocomplete="current-password" value={token} onInput={setToken} required />
              {problem && !linkFailed && <ProblemNotice problem={problem} />}
              <Button type="submit" look="primary" busy={busy}>{t("signin.go")}</Button>
            </>
          )}
        </div>
      </form>
    </main>
  );
}
