import { X } from "lucide";
import { bytes } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Bar } from "../../ui/Badge";
import { Button, LinkButton } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { ProblemNotice } from "../../ui/State";
import { type Upload, dismiss, send, uploads } from "./uploads";

function words(one: Upload): string {
  if (one.state === "sending") return t("datasets.sent_of", bytes(one.sent), bytes(one.total));
  if (one.state === "reading") return t("datasets.reading");
  return t(one.state === "done" ? "datasets.uploaded" : "datasets.refused");
}

function UploadLine({ one }: { one: Upload }) {
  const look = one.state === "done" ? "good" : one.state === "failed" ? "bad" : "";
  return (
    <li class="upload">
      <div class="row apart">
        <span class="cut">
          <strong>{one.name}</strong> <span class="soft small">{words(one)}</span>
        </span>
        <span class="row">
          {one.dataset && <LinkButton href={to(`/datasets/${one.dataset.id}`)}>{t("datasets.open")}</LinkButton>}
          {one.state === "failed" && <Button onClick={() => void send(one)}>{t("shell.try_again")}</Button>}
          <Button look="quiet" icon={X} label={t(one.state === "sending" ? "shell.cancel" : "shell.close")} onClick={() => dismiss(one.key)} />
        </span>
      </div>
      <Bar share={one.total > 0 ? one.sent / one.total : 0} label={t("datasets.progress_of", one.name)} look={look} />
      {one.problem && <ProblemNotice problem={one.problem} />}
    </li>
  );
}

/** What is being sent, and how it ended. */
export function UploadList() {
  if (uploads.value.length === 0) return null;
  return (
    <Card title={t("datasets.uploads")}>
      <ul class="stack">{uploads.value.map((one) => <UploadLine key={one.key} one={one} />)}</ul>
    </Card>
  );
}
