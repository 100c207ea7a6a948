import { Plus, Trash2, X } from "lucide";
import { useId, useState } from "preact/hooks";
import { api, ok } from "../../api/client";
import { Problem } from "../../api/problem";
import type { ModelVersion } from "../../api/types";
import { ago, bytes, time } from "../../format";
import { t } from "../../i18n";
import { go } from "../../router";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { Icon } from "../../ui/Icon";
import { ProblemNotice } from "../../ui/State";
import { Table } from "../../ui/Table";
import { attempt } from "../../ui/Toast";
import { Metric, modelPage } from "./Models";

interface VersionsProps {
  versions: ModelVersion[];
  /** The version that is looked at. */
  current: number;
  onChange: () => void;
}

type Asked = { what: "alias" | "delete"; version: ModelVersion };

export function Versions({ versions, current, onChange }: VersionsProps) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const removeAlias = async (name: string, alias: string) => {
    await attempt(() => ok(api.DELETE("/v1/models/{name}/aliases/{alias}", { params: { path: { name, alias } } })));
    onChange();
  };
  const close = (changed: boolean) => {
    setAsked(null);
    if (!changed) return;
    // The last version took the model with it; a deleted one has no page.
    if (asked?.what === "delete" && versions.length === 1) go("/models");
    else if (asked?.what === "delete" && asked.version.version === current) go(`/models/${encodeURIComponent(asked.version.name)}`, {}, "replace");
    onChange();
  };
  return (
    <>
      <Table
        label={t("models.versions")}
        rows={versions}
        id={(each) => String(each.version)}
        columns={[
          { head: t("models.version"), cell: (each) => <a href={modelPage(each.name, each.version)} aria-current={each.version === current ? "true" : undefined}>{each.version}</a> },
          {
            head: t("models.aliases"),
            cell: (each) => (
              <span class="row aliases">
                {each.aliases.map((alias) => (
                  <span key={alias} class="tag">
                    {alias}
                    <button type="button" aria-label={t("models.alias_remove", alias)} title={t("models.alias_remove", alias)} onClick={() => void removeAlias(each.name, alias)}><Icon of={X} size={13} /></button>
                  </span>
                ))}
                <Button look="quiet" icon={Plus} onClick={() => setAsked({ what: "alias", version: each })}>{t("models.alias_add")}</Button>
              </span>
            ),
          },
          { head: t("models.quality"), cell: (each) => <Metric of={each} /> },
          { head: t("word.size"), end: true, cell: (each) => bytes(each.size_bytes) },
          { head: t("word.created"), end: true, cell: (each) => <time dateTime={each.created_at} title={time(each.created_at)}>{ago(each.created_at)}</time> },
          { head: "", end: true, cell: (each) => <Button look="quiet" icon={Trash2} label={t("models.delete_version", each.version)} onClick={() => setAsked({ what: "delete", version: each })} /> },
        ]}
      />
      {asked?.what === "alias" && <GiveAlias version={asked.version} known={[...new Set(versions.flatMap((each) => each.aliases))]} onClose={close} />}
      {asked?.what === "delete" && <DeleteVersion version={asked.version} onClose={close} />}
    </>
  );
}

function GiveAlias({ version, known, onClose }: { version: ModelVersion; known: string[]; onClose: (changed: boolean) => void }) {
  const [alias, setAlias] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const form = useId();
  const set = async () => {
    try {
      await ok(api.PUT("/v1/models/{name}/aliases/{alias}", { params: { path: { name: version.name, alias: alias.trim() } }, body: { version: version.version } }));
      onClose(true);
    } catch (error) {
      setProblem(Problem.from(error));
    }
  };
  return (
    <Dialog
      title={t("models.alias_add_to", version.version)}
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>{t("shell.cancel")}</Button>
          <Button look="primary" disabled={alias.trim() === ""} onClick={() => void set()}>{t("models.alias_set")}</Button>
        </>
      }
    >
      <form
        id={form}
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (alias.trim() !== "") void set();
        }}
      >
        <TextField label={t("models.alias_name")} hint={t("models.alias_hint")} value={alias} onInput={setAlias} />
        {known.length > 0 && (
          <div class="row">
            {known.map((each) => <Button key={each} pressed={alias === each} onClick={() => setAlias(each)}>{each}</Button>)}
          </div>
        )}
        {problem && <ProblemNotice problem={problem} />}
      </form>
    </Dialog>
  );
}

function DeleteVersion({ version, onClose }: { version: ModelVersion; onClose: (changed: boolean) => void }) {
  const remove = async () => {
    const done = await attempt(() => ok(api.DELETE("/v1/models/{name}/versions/{version}", { params: { path: { name: version.name, version: version.version } } })));
    onClose(done);
  };
  return (
    <Dialog
      title={t("models.delete_version", version.version)}
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>{t("shell.cancel")}</Button>
          <Button look="danger" onClick={() => void remove()}>{t("shell.delete")}</Button>
        </>
      }
    >
      <p>{t("models.delete_version_body")}</p>
    </Dialog>
  );
}
