import { Plus, Trash2 } from "lucide";
import { useState } from "preact/hooks";
import type { Problem } from "../../api/problem";
import type { Domain } from "../../api/types";
import { t } from "../../i18n";
import { Button } from "../../ui/Button";
import { Field, SelectField } from "../../ui/Field";
import { type Setting, short, suggested, textOf, valuesOf } from "./settings";

type Kind = "uniform" | "log_uniform" | "integer" | "integer_log" | "choice";
const KINDS: Kind[] = ["uniform", "log_uniform", "integer", "integer_log", "choice"];

function kindOf(domain: Domain): Kind {
  return domain.kind === "integer" && domain.log ? "integer_log" : domain.kind;
}

/** The same domain on another scale, with as much of its range as it can keep. */
function changed(domain: Domain, kind: Kind, setting: Setting): Domain {
  if (kind === "choice") return { kind, values: domain.kind === "choice" ? domain.values : [setting.value] };
  const known = domain.kind === "choice" ? suggested(setting) : domain;
  const [low, high] = known.kind === "choice" ? [0, 1] : [known.low, known.high];
  if (kind === "integer" || kind === "integer_log") return { kind: "integer", low: Math.round(low), high: Math.round(high), log: kind === "integer_log" };
  return { kind, low, high };
}

interface SpaceProps {
  settings: Setting[];
  space: Record<string, Domain>;
  onChange: (space: Record<string, Domain>) => void;
  problem: Problem | undefined;
}

/** What may vary: for each setting its scale and its range, or its values. */
export function Space({ settings, space, onChange, problem }: SpaceProps) {
  const [next, setNext] = useState("");
  const free = settings.filter((setting) => !(setting.pointer in space));
  const chosen = free.some((setting) => setting.pointer === next) ? next : (free[0]?.pointer ?? "");
  const add = () => {
    const setting = free.find((each) => each.pointer === chosen);
    if (setting) onChange({ ...space, [setting.pointer]: suggested(setting) });
  };
  return (
    <div class="stack">
      {Object.entries(space).map(([pointer, domain]) => {
        const setting = settings.find((each) => each.pointer === pointer) ?? { pointer, value: 0 };
        const escaped = pointer.replaceAll("~", "~0").replaceAll("/", "~1");
        const rest = Object.fromEntries(Object.entries(space).filter(([key]) => key !== pointer));
        return (
          <Domains
            key={pointer}
            setting={setting}
            domain={domain}
            error={problem?.at(`/space/${escaped}`, true).map((each) => each.message).join(" ")}
            onChange={(changed) => onChange({ ...space, [pointer]: changed })}
            onRemove={() => onChange(rest)}
          />
        );
      })}
      {free.length > 0 && (
        <div class="space-add">
          <SelectField label={t("sweeps.setting")} value={chosen} options={free.map((setting) => [setting.pointer, `${setting.pointer.slice(1)} = ${String(setting.value)}`] as const)} onChange={setNext} />
          <Button icon={Plus} onClick={add}>{t("sweeps.add")}</Button>
        </div>
      )}
    </div>
  );
}

function Domains({ setting, domain, error, onChange, onRemove }: { setting: Setting; domain: Domain; error?: string; onChange: (domain: Domain) => void; onRemove: () => void }) {
  // What is typed stays as it is typed; the domain follows.
  const [text, setText] = useState<Record<string, string>>({});
  const name = short(setting.pointer);
  const numberField = (end: "low" | "high") =>
    domain.kind !== "choice" && (
      <Field label={t(`sweeps.${end}`)}>
        {(wiring) => (
          <input
            {...wiring}
            class="input"
            inputMode="decimal"
            value={text[end] ?? String(domain[end])}
            onInput={(event) => {
              setText({ ...text, [end]: event.currentTarget.value });
              const value = Number(event.currentTarget.value);
              if (event.currentTarget.value.trim() !== "" && Number.isFinite(value)) onChange({ ...domain, [end]: value });
            }}
          />
        )}
      </Field>
    );
  return (
    <fieldset class="domain">
      <legend>
        <strong>{name}</strong> <span class="soft small">{t("sweeps.was", String(setting.value))}</span>
      </legend>
      <div class="domain-fields">
        <SelectField
          label={t("sweeps.kind")}
          value={kindOf(domain)}
          options={KINDS.map((kind) => [kind, t(`sweeps.kind.${kind}`)] as const)}
          onChange={(kind) => {
            setText({});
            onChange(changed(domain, kind, setting));
          }}
        />
        {numberField("low")}
        {numberField("high")}
        {domain.kind === "choice" && (
          <Field label={t("sweeps.values")}>
            {(wiring) => (
              <input
                {...wiring}
                class="input"
                value={text.values ?? textOf(domain.values)}
                onInput={(event) => {
                  setText({ ...text, values: event.currentTarget.value });
                  onChange({ kind: "choice", values: valuesOf(event.currentTarget.value) });
                }}
              />
            )}
          </Field>
        )}
        <Button look="quiet" icon={Trash2} label={t("sweeps.remove", name)} onClick={onRemove} />
      </div>
      {error && <p class="domain-error small" role="alert">{error}</p>}
    </fieldset>
  );
}
