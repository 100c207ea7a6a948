import { ArrowDown, ArrowUp, Plus, Trash2 } from "lucide";
import type { Json, JsonValue, Plan } from "../../api/types";
import { count } from "../../format";
import { t } from "../../i18n";
import { explained, words } from "../../i18n/served";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { SelectField } from "../../ui/Field";
import { Notice } from "../../ui/State";
import { Choice } from "../../ui/Tabs";
import { type Form, Members } from "./SchemaField";
import { type Variant, fresh, resolved, variants } from "./schema";

type Mode = "default" | "named" | "layers";

function modeOf(network: JsonValue | undefined): Mode {
  if (network === undefined || network === null) return "default";
  return Array.isArray(network) ? "layers" : "named";
}

interface EditorProps {
  form: Form;
  network: JsonValue | undefined;
  plan: Plan | undefined;
  onChange: (network: JsonValue | undefined) => void;
}

interface LayerProps {
  form: Form;
  layers: Json[];
  idx: number;
  kinds: Variant[];
  plan: Plan | undefined;
  onChange: (layers: Json[]) => void;
}

/** One layer: its kind, its fields, what comes out of it. */
function LayerItem({ form, layers, idx, kinds, plan, onChange }: LayerProps) {
  const layer = layers[idx] as Json;
  const variant = kinds.find((one) => one.kind === layer.kind);
  // The plan is that of these layers only when it has one more: the output.
  const planned = plan?.layers?.length === layers.length + 1 ? plan.layers[idx] : undefined;
  const wrong = form.problem?.at(`/network/${idx}`).map((one) => one.message).join(" ");
  const put = (next: Json) => onChange(layers.map((one, at) => (at === idx ? next : one)));
  const swap = (other: number) => {
    const moved = [...layers];
    [moved[idx], moved[other]] = [moved[other] as Json, layer];
    onChange(moved);
  };
  const choose = (kind: string) => {
    const next = kinds.find((one) => one.kind === kind);
    if (next) put(fresh(next, form.root));
  };
  return (
    <li class="layer">
      <div class="layer-head">
        <span class="layer-number">{idx + 1}</span>
        <select class="input" aria-label={t("newrun.kind_of_layer", idx + 1)} value={String(layer.kind)} onChange={(event) => choose(event.currentTarget.value)}>
          {kinds.map((one) => <option key={one.kind} value={one.kind}>{words(one.kind)}</option>)}
        </select>
        {planned && <span class="tag">{planned.shape.join(" × ")}</span>}
        {planned && planned.parameters > 0 && <span class="soft small">{t("count.parameters", count(planned.parameters))}</span>}
        <span class="layer-buttons">
          <Button look="quiet" icon={ArrowUp} label={t("newrun.up")} disabled={idx === 0} onClick={() => swap(idx - 1)} />
          <Button look="quiet" icon={ArrowDown} label={t("newrun.down")} disabled={idx + 1 === layers.length} onClick={() => swap(idx + 1)} />
          <Button look="quiet" icon={Trash2} label={t("newrun.remove")} onClick={() => onChange(layers.filter((_, at) => at !== idx))} />
        </span>
      </div>
      {wrong && <div class="field"><div class="error" role="alert">{wrong}</div></div>}
      {variant && <Members form={form} schema={variant.schema} value={layer} pointer={`/network/${idx}`} skip={["kind"]} onChange={(next) => put(next ?? { kind: variant.kind })} />}
    </li>
  );
}

function Layers({ form, layers, plan, onChange }: { form: Form; layers: Json[]; plan: Plan | undefined; onChange: (layers: Json[]) => void }) {
  const definition = form.root.$defs?.Layer;
  const kinds = definition ? (variants(resolved(definition, form.root), form.root) ?? []) : [];
  const dense = kinds.find((one) => one.kind === "dense") ?? kinds[0];
  return (
    <>
      <ol class="layers">{layers.map((_, idx) => <LayerItem key={idx} form={form} layers={layers} idx={idx} kinds={kinds} plan={plan} onChange={onChange} />)}</ol>
      {dense && <div><Button icon={Plus} onClick={() => onChange([...layers, fresh(dense, form.root)])}>{t("newrun.add_layer")}</Button></div>}
    </>
  );
}

/** The network: left to the server, one that has a name, or layer by layer with the shapes of the plan. */
export function NetworkEditor({ form, network, plan, onChange }: EditorProps) {
  const mode = modeOf(network);
  const definition = form.root.$defs?.NetworkFamily;
  const named = definition ? (variants(resolved(definition, form.root), form.root) ?? []) : [];
  const filledIn = plan?.resolved_spec.network;
  const chosen = named.find((one) => one.kind === (network as Json | undefined)?.kind);
  const enter = (next: Mode) => {
    if (next === mode) return;
    if (next === "default") onChange(undefined);
    else if (next === "named") onChange({ kind: named.find((one) => one.kind === "mlp")?.kind ?? named[0]?.kind ?? "mlp" });
    else onChange(Array.isArray(filledIn) ? filledIn : [{ kind: "dense", units: 64 }]);
  };
  return (
    <Card title={t("newrun.network")} actions={<Choice label={t("newrun.network")} value={mode} options={[["default", t("newrun.automatic")], ["named", t("newrun.by_name")], ["layers", t("newrun.layers")]]} onChange={enter} />}>
      <div class="stack">
        {mode === "default" && <p class="soft small">{t("newrun.network_default")}</p>}
        {mode === "named" && <SelectField label={t("newrun.by_name")} hint={chosen?.about && explained(chosen.about)} value={chosen?.kind ?? ""} options={named.map((one) => [one.kind, words(one.kind)] as const)} onChange={(kind) => onChange({ kind })} />}
        {mode === "layers" && <Layers form={form} layers={network as Json[]} plan={plan} onChange={onChange} />}
        {form.problem?.at("/network").map((one) => <Notice key={one.code} look="bad">{one.message}</Notice>)}
      </div>
    </Card>
  );
}
