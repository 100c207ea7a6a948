import { Download } from "lucide";
import { api, ok } from "../../api/client";
import { listVersions } from "../../api/models";
import { useResource } from "../../api/resource";
import type { ModelVersion } from "../../api/types";
import { bytes, number, time } from "../../format";
import { t } from "../../i18n";
import type { PageProps } from "../../pages";
import { go, to } from "../../router";
import { LinkButton } from "../../ui/Button";
import { Card, Facts, PageHead } from "../../ui/Card";
import { SelectField } from "../../ui/Field";
import { Loaded } from "../../ui/State";
import type { ModelDocument } from "./inputs";
import { TryIt } from "./TryIt";
import { Versions } from "./Versions";
import "./models.css";

const FORMATS = ["onnx", "safetensors", "json"] as const;

function exportUrl(selector: string, format: string): string {
  return `/v1/models/${encodeURIComponent(selector)}/export?format=${format}`;
}

function About({ model }: { model: ModelVersion }) {
  const metrics = Object.entries(model.metrics as Record<string, number | null>);
  const shown = metrics.filter(([name]) => name.startsWith("test_"));
  return (
    <Card title={t("models.version_n", model.version)}>
      <div class="stack">
        <Facts
          of={[
            [t("models.run"), model.run ? <a href={to(`/runs/${model.run}`)}>{model.run.slice(0, 13)}</a> : <span class="soft">{t("models.gone")}</span>],
            [t("word.dataset"), model.dataset ? <a href={to(`/datasets/${model.dataset}`)}>{model.dataset.slice(0, 13)}</a> : <span class="soft">{t("models.gone")}</span>],
            [t("word.size"), bytes(model.size_bytes)],
            [t("word.created"), time(model.created_at)],
            ...(shown.length > 0 ? shown : metrics).map(([name, value]): [string, string] => [name, number(value)]),
          ]}
        />
        <div class="row">
          <span class="soft small">{t("models.export")}</span>
          {FORMATS.map((format) => (
            <LinkButton key={format} icon={Download} href={exportUrl(`${model.name}@${model.version}`, format)} download={`${model.name}-${model.version}.${format}`}>{format}</LinkButton>
          ))}
        </div>
      </div>
    </Card>
  );
}

export default function Model({ params, query }: PageProps) {
  const name = params.name as string;
  const version = query.get("version");
  const selector = version ? `${name}@${version}` : name;
  const versions = useResource(`versions ${name}`, (signal) => listVersions(name, signal));
  const detail = useResource(`model ${selector}`, (signal) => ok(api.GET("/v1/models/{name}", { params: { path: { name: selector } }, signal })));
  const reload = () => {
    versions.reload();
    detail.reload();
  };
  const current = version ?? String(versions.data?.[0]?.version ?? "");
  return (
    <>
      <PageHead
        title={name}
        about={<a href={to("/models")}>{t("models.title")}</a>}
        actions={
          versions.data && versions.data.length > 1 ? (
            <SelectField
              label={t("models.version")}
              value={current}
              options={versions.data.map((each, idx) => [String(each.version), idx === 0 ? `${each.version} (${t("models.newest")})` : String(each.version)] as const)}
              onChange={(next) => go(`/models/${encodeURIComponent(name)}`, { version: next }, "replace")}
            />
          ) : undefined
        }
      />
      <div class="stack">
        <Loaded from={detail} lines={8}>
          {(model) => (
            <>
              <TryIt key={model.sha256} model={model} document={model.document as unknown as ModelDocument} />
              <About model={model} />
            </>
          )}
        </Loaded>
        <Card title={t("models.versions")} flush>
          <Loaded from={versions}>{(all) => <Versions versions={all} current={Number(current)} onChange={reload} />}</Loaded>
        </Card>
      </div>
    </>
  );
}
