//! Answers as text. Everything that is the same in every answer of a model (names, quotes, braces) is rendered once, when the model
//! is opened; a prediction then costs its numbers.
//!
//! ```json
//! {"model": {"name": "titanic", "version": 3, "sha256": "..."},
//!  "predictions": [{"label": "1", "probabilities": {"0": 0.07, "1": 0.93}, "notes": [{"column": "Pclass", "code": "missing_imputed"}]}]}
//! ```
//! A regression answers `{"values": {"price": 12.3}}`. A number that is not finite is `null`, and `"nonfinite": {"price": "nan"}`
//! says which kind it was.

use super::error::Fault;
use super::explain::Explanation;
use super::inputs::Inputs;
use super::scoring::Note;
use super::served::Version;

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON document, `{"model": {...}, "predictions": [...]}`.
    #[default]
    Json,
    /// One JSON object per line, one line per row.
    NdJson,
    /// A header and one record per row: the label and one probability per class, or one value per target, then notes.
    Csv,
}

/// The pieces of a model's answers.
#[derive(Debug)]
pub(super) struct Answers {
    /// `{"model":{...},"predictions":[`
    head: Box<[u8]>,
    classes: bool,
    /// `{"label":"setosa","probabilities":{` per class, or `{"values":{` once.
    opening: Box<[Box<[u8]>]>,
    /// `"setosa":` per output, every one but the first with a comma before it.
    keys: Box<[Box<[u8]>]>,
    /// `{"label":null,"probabilities":{`, for outputs that cannot be compared.
    opening_nonfinite: Box<[u8]>,
    /// Names of the outputs as JSON strings.
    names: Box<[Box<[u8]>]>,
    /// Names of the outputs as CSV fields.
    fields: Box<[Box<[u8]>]>,
    /// Names of all columns of the file, as JSON strings and as they are.
    columns: Box<[Box<[u8]>]>,
    column_names: Box<[Box<str>]>,
    /// For each input, its column of the file.
    input_columns: Box<[usize]>,
}

impl Answers {
    /// `version` and `sha256` name the model in every JSON answer; `outputs` are the classes or the target columns.
    pub(super) fn new(
        version: &Version,
        sha256: &str,
        classes: bool,
        outputs: &[String],
        inputs: &Inputs,
    ) -> Self {
        let names: Box<[Box<[u8]>]> = outputs.iter().map(|name| json_string(name)).collect();
        let mut head = b"{\"model\":{\"name\":".to_vec();
        head.extend_from_slice(&json_string(&version.name));
        let rest = format!(
            ",\"version\":{},\"sha256\":\"{sha256}\"}},\"predictions\":[",
            version.version
        );
        head.extend_from_slice(rest.as_bytes());
        let with_label = |label: &[u8]| {
            [b"{\"label\":", label, b",\"probabilities\":{"]
                .concat()
                .into_boxed_slice()
        };
        let opening = if classes {
            names.iter().map(|name| with_label(name)).collect()
        } else {
            Box::from([b"{\"values\":{".to_vec().into_boxed_slice()])
        };
        let keys = names.iter().enumerate().map(|(i, name)| {
            let comma: &[u8] = if i == 0 { b"" } else { b"," };
            [comma, name, b":"].concat().into_boxed_slice()
        });
        let columns = (0..inputs.n_columns()).map(|column| inputs.name(column));
        Self {
            head: head.into_boxed_slice(),
            classes,
            opening,
            keys: keys.collect(),
            opening_nonfinite: with_label(b"null"),
            fields: outputs.iter().map(|name| csv_field(name)).collect(),
            columns: columns.clone().map(json_string).collect(),
            column_names: columns.map(Box::from).collect(),
            input_columns: (0..inputs.len())
                .map(|input| inputs.column_of(input))
                .collect(),
            names,
        }
    }

    /// What stands before the first row.
    pub(super) fn begin(&self, format: Format, out: &mut Vec<u8>) {
        match format {
            Format::Json => {
                out.reserve(self.head.len() + 64 * (self.keys.len() + 2));
                out.extend_from_slice(&self.head);
            }
            Format::NdJson => {}
            Format::Csv => {
                if self.classes {
                    out.extend_from_slice(b"label");
                }
                for (i, field) in self.fields.iter().enumerate() {
                    if self.classes || i > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(field);
                }
                out.extend_from_slice(b",notes\n");
            }
        }
    }

    /// What stands after the last row.
    pub(super) fn end(&self, format: Format, out: &mut Vec<u8>) {
        if format == Format::Json {
            if out.last() == Some(&b',') {
                out.pop();
            }
            out.extend_from_slice(b"]}");
        }
    }

    /// One row's answer. In JSON it ends with a comma, which [`Answers::end`] takes off the last one.
    pub(super) fn write(
        &self,
        format: Format,
        outputs: &[f32],
        notes: &[Note],
        explanations: Option<&[Explanation]>,
        out: &mut Vec<u8>,
    ) {
        if format == Format::Csv {
            return self.write_record(outputs, notes, out);
        }
        self.write_object(outputs, notes, explanations, out);
        out.push(if format == Format::Json { b',' } else { b'\n' });
    }

    fn write_object(
        &self,
        outputs: &[f32],
        notes: &[Note],
        explanations: Option<&[Explanation]>,
        out: &mut Vec<u8>,
    ) {
        let finite = outputs.iter().all(|output| output.is_finite());
        out.extend_from_slice(match (self.classes, finite) {
            (true, true) => &self.opening[largest(outputs)],
            (true, false) => &self.opening_nonfinite,
            (false, _) => &self.opening[0],
        });
        for (key, output) in self.keys.iter().zip(outputs) {
            out.extend_from_slice(key);
            write_number(*output, out);
        }
        out.push(b'}');
        if !finite {
            self.write_nonfinite(outputs, out);
        }
        if !notes.is_empty() {
            self.write_notes(notes, out);
        }
        if let Some(explanations) = explanations {
            self.write_explanations(explanations, out);
        }
        out.push(b'}');
    }

    fn write_nonfinite(&self, outputs: &[f32], out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"nonfinite\":{");
        for (name, output) in self.names.iter().zip(outputs) {
            if let Some(kind) = nonfinite(*output) {
                out.extend_from_slice(name);
                out.extend_from_slice(b":\"");
                out.extend_from_slice(kind.as_bytes());
                out.extend_from_slice(b"\",");
            }
        }
        out.pop();
        out.push(b'}');
    }

    fn write_notes(&self, notes: &[Note], out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"notes\":[");
        for note in notes {
            out.extend_from_slice(b"{\"column\":");
            out.extend_from_slice(&self.columns[note.column as usize]);
            out.extend_from_slice(b",\"code\":\"");
            out.extend_from_slice(note.code.name().as_bytes());
            out.extend_from_slice(b"\"},");
        }
        out.pop();
        out.push(b']');
    }

    fn write_explanations(&self, explanations: &[Explanation], out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"explanation\":[");
        for explanation in explanations {
            out.extend_from_slice(b"{\"of\":");
            out.extend_from_slice(&self.names[explanation.output_idx]);
            out.extend_from_slice(b",\"output\":");
            write_number(explanation.output, out);
            out.extend_from_slice(b",\"baseline\":");
            write_number(explanation.baseline, out);
            out.extend_from_slice(b",\"attributions\":{");
            for (input, attribution) in explanation.attributions.iter().enumerate() {
                out.extend_from_slice(&self.columns[self.input_columns[input]]);
                out.push(b':');
                write_number(*attribution, out);
                out.push(b',');
            }
            if !explanation.attributions.is_empty() {
                out.pop();
            }
            out.extend_from_slice(b"}},");
        }
        if !explanations.is_empty() {
            out.pop();
        }
        out.push(b']');
    }

    fn write_record(&self, outputs: &[f32], notes: &[Note], out: &mut Vec<u8>) {
        let finite = outputs.iter().all(|output| output.is_finite());
        if self.classes {
            if finite {
                out.extend_from_slice(&self.fields[largest(outputs)]);
            }
            out.push(b',');
        }
        for output in outputs {
            if output.is_finite() {
                write_number(*output, out);
            }
            out.push(b',');
        }
        // Notes are one field: a name may hold anything, so the whole field is quoted where it must be.
        if !notes.is_empty() {
            let told: Vec<String> = notes
                .iter()
                .map(|note| {
                    format!(
                        "{}: {}",
                        self.column_names[note.column as usize],
                        note.code.name()
                    )
                })
                .collect();
            out.extend_from_slice(&csv_field(&told.join("; ")));
        }
        out.push(b'\n');
    }

    /// An error in the place of a row.
    pub(super) fn write_fault(&self, format: Format, fault: &Fault, out: &mut Vec<u8>) {
        if format == Format::Csv {
            let n_empty = self.fields.len() + usize::from(self.classes);
            out.resize(out.len() + n_empty, b',');
            out.extend_from_slice(&csv_field(&format!(
                "error: {}: {}",
                fault.code, fault.message
            )));
            out.push(b'\n');
            return;
        }
        let error = serde_json::json!({"error": {
            "code": fault.code,
            "message": fault.message,
            "row": fault.row,
            "line": fault.line,
            "pointer": fault.pointer,
            "column": fault.column,
            "got": fault.got,
        }});
        // A JSON value of strings and numbers always has a text.
        out.extend_from_slice(error.to_string().as_bytes());
        out.push(if format == Format::Json { b',' } else { b'\n' });
    }
}

/// The first of the largest outputs; the trainer counts a prediction the same way.
#[inline]
pub(super) fn largest(outputs: &[f32]) -> usize {
    let mut best = 0;
    for (i, output) in outputs.iter().enumerate().skip(1) {
        if *output > outputs[best] {
            best = i;
        }
    }
    best
}

/// The shortest text that reads back as the same f32; `null` when not finite.
#[inline]
fn write_number(number: f32, out: &mut Vec<u8>) {
    // Writing to memory cannot fail, and every f32 has a JSON form.
    let _ = serde_json::to_writer(out, &number);
}

fn nonfinite(number: f32) -> Option<&'static str> {
    if number.is_finite() {
        None
    } else if number.is_nan() {
        Some("nan")
    } else if number > 0.0 {
        Some("infinity")
    } else {
        Some("-infinity")
    }
}

fn json_string(text: &str) -> Box<[u8]> {
    serde_json::Value::from(text)
        .to_string()
        .into_bytes()
        .into_boxed_slice()
}

/// A CSV field, quoted where it must be (RFC 4180).
fn csv_field(text: &str) -> Box<[u8]> {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
            .into_bytes()
            .into_boxed_slice()
    } else {
        text.as_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::RowNoteCode;

    fn answers(classes: bool, outputs: &[&str]) -> Answers {
        let inputs = Inputs::new(vec!["a \"b\"".into(), "Age".into()], vec![0, 1]);
        let version = Version {
            name: "iris".into(),
            version: 3,
        };
        let outputs: Vec<String> = outputs.iter().map(|&name| name.to_owned()).collect();
        Answers::new(&version, "abc", classes, &outputs, &inputs)
    }

    fn classes() -> Answers {
        answers(true, &["no, never", "예"])
    }

    fn written(answers: &Answers, format: Format, rows: &[(&[f32], &[Note])]) -> String {
        let mut out = Vec::new();
        answers.begin(format, &mut out);
        for (outputs, notes) in rows {
            answers.write(format, outputs, notes, None, &mut out);
        }
        answers.end(format, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_classification_in_every_format() {
        let note = Note {
            row: 0,
            column: 0,
            code: RowNoteCode::MissingImputed,
        };
        let rows: [(&[f32], &[Note]); 2] = [(&[0.25, 0.75], &[]), (&[1.0, 0.0], &[note])];
        let answers = classes();
        assert_eq!(
            written(&answers, Format::Json, &rows),
            concat!(
                r#"{"model":{"name":"iris","version":3,"sha256":"abc"},"predictions":["#,
                r#"{"label":"예","probabilities":{"no, never":0.25,"예":0.75}},"#,
                r#"{"label":"no, never","probabilities":{"no, never":1.0,"예":0.0},"notes":[{"column":"a \"b\"","code":"missing_imputed"}]}]}"#
            )
        );
        assert_eq!(
            written(&answers, Format::Csv, &rows),
            "label,\"no, never\",예,notes\n예,0.25,0.75,\n\"no, never\",1.0,0.0,\"a \"\"b\"\": missing_imputed\"\n"
        );
        assert_eq!(
            written(&answers, Format::NdJson, &rows[..1]),
            "{\"label\":\"예\",\"probabilities\":{\"no, never\":0.25,\"예\":0.75}}\n"
        );
        assert!(written(&answers, Format::Json, &[]).ends_with("\"predictions\":[]}"));
    }

    #[test]
    fn numbers_that_are_not_finite_are_null_and_named() {
        let text = written(
            &answers(false, &["x", "y", "z"]),
            Format::NdJson,
            &[(&[f32::NAN, 1.5, f32::NEG_INFINITY], &[])],
        );
        assert_eq!(
            text,
            "{\"values\":{\"x\":null,\"y\":1.5,\"z\":null},\"nonfinite\":{\"x\":\"nan\",\"z\":\"-infinity\"}}\n"
        );
        let text = written(&classes(), Format::NdJson, &[(&[f32::NAN, f32::NAN], &[])]);
        assert!(text.starts_with("{\"label\":null,"), "{text}");
    }
}
