// Controls made from the schema. Each stands beside the schema's explanation, range and default, and shows what the server
// found wrong at its JSON Pointer.
import { Plus, Trash2 } from "lucide";
import type { Problem } from "../../api/problem";
import type { Json, JsonValue } from "../../api/types";
import { t } from "../../i18n";
import { explained, words } from "../../i18n/served";
import { Button } from "../../ui/Button";
import { Check, SelectField, TextField } from "../../ui/Field";
import { NumberField } from "../../ui/NumberField";
import { JsonField } from "./JsonField";
import { type Looked, type Schema, fresh, look } from "./schema";

export interface Form {
  root: Schema;
  problem: Problem | undefined;
}

interface MemberProps {
  form: Form;
  name: string;
  pointer: string;
  schema: Schema;
  value: JsonValue | undefined;
  required?: boolean;
  /** `undefined` takes the member out of the document. */
  onChange: (value: JsonValue | undefined) => void;
}

function errors(form: Form, pointer: string): string | undefined {
  return form.problem?.at(pointer).map((violation) => violation.message).join(" ") || undefined;
}

/** The explanation, the range and the default, as far as the schema has them. */
function hint(looked: Looked): string {
  const parts = [looked.about ? explained(looked.about) : ""];
  // A limit that only keeps out nonsense is no help to anybody.
  if (looked.control === "number" && looked.minimum !== undefined && looked.maximum !== undefined && looked.maximum <= 1e6) parts.push(`${looked.minimum} – ${looked.maximum}.`);
  if (looked.standard !== undefined && typeof looked.standard !== "object") parts.push(t("newrun.default_is", looked.control === "choice" ? words(String(looked.standard)) : String(looked.standard)));
  return parts.filter(Boolean).join(" ");
}

function NumberMember({ form, name, pointer, looked, value, onChange }: MemberProps & { looked: Looked & { control: "number" } }) {
  const placeholder = typeof looked.standard === "number" ? String(looked.standard) : t("newrun.automatic");
  const given = typeof value === "number" ? value : undefined;
  return <NumberField label={words(name)} hint={hint(looked)} error={errors(form, pointer)} value={given} minimum={looked.minimum} maximum={looked.maximum} placeholder={placeholder} onChange={onChange} />;
}

function VariantsMember({ form, name, pointer, looked, value, onChange }: MemberProps & { looked: Looked & { control: "variants" } }) {
  const now = (value ?? undefined) as Json | undefined;
  const chosen = looked.variants.find((one) => one.kind === now?.kind);
  const choose = (kind: string) => {
    const next = looked.variants.find((one) => one.kind === kind);
    onChange(next ? fresh(next, form.root) : undefined);
  };
  const options = looked.variants.map((one) => [one.kind, words(one.kind)] as const);
  const about = chosen?.about ?? looked.about;
  return (
    <div class="variant">
      <SelectField label={words(name)} hint={about && explained(about)} error={errors(form, pointer)} value={chosen?.kind ?? ""} options={[["", t("newrun.automatic")], ...options]} onChange={choose} />
      {chosen && now && <Members form={form} schema={chosen.schema} value={now} pointer={pointer} skip={["kind"]} onChange={onChange} />}
    </div>
  );
}

/** A list of objects with kinds: augmentations, for example. */
function ListMember({ form, name, pointer, looked, value, onChange }: MemberProps & { looked: Looked & { control: "list" } }) {
  const items = Array.isArray(value) ? value : [];
  const item = look(looked.item, form.root);
  if (item.control !== "variants") return null;
  const first = item.variants[0];
  return (
    <fieldset class="list-member">
      <legend>{words(name)}</legend>
      <p class="hint soft small">{looked.about && explained(looked.about)}</p>
      {items.map((one, idx) => (
        <div key={idx} class="list-item">
          <VariantsMember form={form} name={`${idx + 1}`} pointer={`${pointer}/${idx}`} schema={looked.item} looked={item} value={one} onChange={(next) => onChange(items.flatMap((old, at) => (at !== idx ? [old] : next === undefined ? [] : [next])))} />
          <Button look="quiet" icon={Trash2} label={t("newrun.remove")} onClick={() => onChange(items.length === 1 ? undefined : items.filter((_, at) => at !== idx))} />
        </div>
      ))}
      {first && <div><Button icon={Plus} onClick={() => onChange([...items, fresh(first, form.root)])}>{t("newrun.add")}</Button></div>}
    </fieldset>
  );
}

/** An object that is absent by default: it is switched on, and then has members with defaults of their own. */
function SwitchedMember({ form, name, pointer, looked, value, onChange }: MemberProps & { looked: Looked & { control: "object" } }) {
  const on = value !== undefined && value !== null;
  return (
    <div class="variant">
      <div class="field">
        <Check label={words(name)} checked={on} onChange={(next) => onChange(next ? {} : undefined)} />
        <div class="hint">{hint(looked)}</div>
      </div>
      {on && <Members form={form} schema={looked.schema} value={value as Json} pointer={pointer} onChange={(next) => onChange(next ?? {})} />}
    </div>
  );
}

export function Member(props: MemberProps) {
  const { form, name, pointer, schema, value, required = false, onChange } = props;
  const looked = look(schema, form.root);
  const common = { label: words(name), hint: hint(looked), error: errors(form, pointer) };
  switch (looked.control) {
    case "number":
      return <NumberMember {...props} looked={looked} />;
    case "check":
      return (
        <div class="field">
          <Check label={words(name)} checked={typeof value === "boolean" ? value : looked.standard === true} onChange={onChange} />
          <div class="hint">{hint(looked)}</div>
          {common.error && <div class="error">{common.error}</div>}
        </div>
      );
    case "choice": {
      const options = looked.options.map((option) => [option, words(option)] as const);
      const standard = typeof looked.standard === "string" ? looked.standard : "";
      const listed = standard === "" && !required ? [["", t("newrun.automatic")] as const, ...options] : options;
      return <SelectField {...common} value={typeof value === "string" ? value : standard} options={listed} onChange={(next) => onChange(next === "" ? undefined : next)} />;
    }
    case "text":
      return <TextField {...common} value={typeof value === "string" ? value : ""} placeholder={typeof looked.standard === "string" ? looked.standard : ""} onInput={(next) => onChange(next === "" ? undefined : next)} />;
    case "words": {
      const list = Array.isArray(value) ? value.join(", ") : "";
      const read = (text: string) => onChange(text.trim() === "" ? undefined : text.split(",").map((word) => word.trim()));
      return <TextField {...common} value={list} onInput={read} />;
    }
    case "variants":
      return <VariantsMember {...props} looked={looked} />;
    case "list":
      return <ListMember {...props} looked={looked} />;
    case "object":
      if (looked.standard === null || (looked.optional && looked.standard === undefined)) return <SwitchedMember {...props} looked={looked} />;
      return (
        <fieldset class="object-member">
          <legend>{words(name)}</legend>
          <Members form={form} schema={looked.schema} value={(value as Json | undefined) ?? {}} pointer={pointer} onChange={onChange} />
        </fieldset>
      );
    case "json":
      return <JsonField {...common} value={value} onChange={onChange} />;
  }
}

interface MembersProps {
  form: Form;
  schema: Schema;
  value: Json;
  pointer: string;
  /** Members that another part of the page shows. */
  skip?: string[];
  onChange: (value: Json | undefined) => void;
}

/** Every member of an object. An object that loses its last member leaves the document, so that defaults stay defaults. */
export function Members({ form, schema, value, pointer, skip = [], onChange }: MembersProps) {
  const set = (name: string, next: JsonValue | undefined) => {
    const { [name]: _, ...rest } = value;
    const changed = next === undefined ? rest : { ...rest, [name]: next };
    onChange(Object.keys(changed).length > 0 ? changed : undefined);
  };
  return (
    <div class="members">
      {Object.entries(schema.properties ?? {})
        .filter(([name]) => !skip.includes(name))
        .map(([name, member]) => (
          <Member key={name} form={form} name={name} pointer={`${pointer}/${name}`} schema={member} value={value[name]} required={schema.required?.includes(name)} onChange={(next) => set(name, next)} />
        ))}
    </div>
  );
}
