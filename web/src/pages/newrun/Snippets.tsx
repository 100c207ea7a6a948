import { useState } from "preact/hooks";
import type { Json } from "../../api/types";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Snippet } from "../../ui/Snippet";
import { Choice } from "../../ui/Tabs";
import { python } from "./spec";

const FORMS = ["json", "curl", "python"] as const;
type Form = (typeof FORMS)[number];

function written(spec: Json, form: Form): string {
  const json = JSON.stringify(spec, null, 2);
  if (form === "json") return json;
  if (form === "python") return `import descent\n\nclient = descent.Client("${location.origin}")\nrun = client.runs.submit(\n    ${python(spec)}\n)\nrun.wait()\n`;
  // A quote inside single quotes of a shell ends them, is escaped, and begins them again.
  const quoted = json.replaceAll("'", `'\\''`);
  return `curl ${location.origin}/v1/runs \\\n  -H "Authorization: Bearer $DESCENT_TOKEN" \\\n  -H 'Content-Type: application/json' \\\n  -d '${quoted}'`;
}

/** The same document for those who go on elsewhere. */
export function Snippets({ spec }: { spec: Json }) {
  const [form, setForm] = useState<Form>("json");
  const names = { json: "JSON", curl: "curl", python: "Python" };
  return (
    <Card title={t("newrun.as_code")} actions={<Choice label={t("newrun.as_code")} value={form} options={FORMS.map((one) => [one, names[one]] as const)} onChange={setForm} />}>
      <Snippet label={names[form]} code={written(spec, form)} />
    </Card>
  );
}
