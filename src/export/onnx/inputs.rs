//! From raw columns to features, in the graph: what `data::transform` does, with the same constants in the same precision.

use std::f64::consts::TAU;

use descent_engine::onnx::{Attribute, Element, ML, Writer};

use super::{DOUBLE, FLOAT, Port};
use crate::data::{DAY, Encoding, Input, MISSING_WORDS, Transform, YEAR};

/// Name of the one input of a model of numbers or arrays.
const FEATURES: &str = "features";

/// The inputs that the columns of a model become.
pub(super) fn ports(transform: &Transform) -> Vec<Port> {
    if let Some(sample) = transform.sample() {
        return vec![Port {
            name: FEATURES.to_owned(),
            element: Element::Float,
            dims: sample.shape.iter().map(|&n| n as usize).collect(),
            about:
                "a sample in the units of the training file, pixels from 0 to 255, channels last"
                    .to_owned(),
        }];
    }
    if transform.inputs.iter().all(is_number) {
        let names: Vec<&str> = transform.inputs.iter().map(|input| &*input.name).collect();
        return vec![Port {
            name: FEATURES.to_owned(),
            element: Element::Float,
            dims: vec![names.len()],
            about: format!("columns {}; NaN is missing", names.join(", ")),
        }];
    }
    let port = |input: &Input| {
        let (element, about) = match input.encoding {
            Encoding::Boolean { .. } => (Element::Float, "0 or 1; NaN is missing"),
            Encoding::Timestamp { .. } => (
                Element::Double,
                "seconds since 1970-01-01T00:00:00Z; NaN is missing",
            ),
            Encoding::Categories { .. } | Encoding::Index { .. } => {
                (Element::Text, "a category; an empty text is missing")
            }
            Encoding::Number { .. } | Encoding::Array { .. } => (Element::Float, "NaN is missing"),
        };
        Port {
            name: input.name.clone(),
            element,
            dims: Vec::new(),
            about: about.to_owned(),
        }
    };
    transform.inputs.iter().map(port).collect()
}

fn is_number(input: &Input) -> bool {
    matches!(
        input.encoding,
        Encoding::Number { .. } | Encoding::Boolean { .. }
    )
}

/// Adds what makes features of the inputs; answers their name, FP32 `[N, n_features]`.
pub(super) fn write(writer: &mut Writer, transform: &Transform, ports: &[Port]) -> String {
    let mut features = Features {
        writer,
        pieces: Vec::new(),
        places: Vec::new(),
    };
    if let ([input], [port]) = (&transform.inputs[..], ports)
        && let Encoding::Array { .. } = input.encoding
    {
        return features.array(input, port);
    }
    let numbers: Vec<&Input> = transform
        .inputs
        .iter()
        .filter(|input| is_number(input))
        .collect();
    let matrix = if numbers.len() == transform.inputs.len() {
        FEATURES.to_owned()
    } else {
        let columns: Vec<String> = numbers
            .iter()
            .map(|input| features.column(&input.name))
            .collect();
        features.beside(&columns)
    };
    if !numbers.is_empty() {
        features.numbers(&matrix, &numbers);
    }
    for input in &transform.inputs {
        match &input.encoding {
            Encoding::Timestamp { .. } => features.timestamp(input),
            Encoding::Categories { .. } | Encoding::Index { .. } => features.category(input),
            Encoding::Number { .. } | Encoding::Boolean { .. } | Encoding::Array { .. } => {}
        }
    }
    features.in_order()
}

/// Features on their way: pieces `[N, n]` and which features their columns are.
struct Features<'a> {
    writer: &'a mut Writer,
    pieces: Vec<String>,
    places: Vec<usize>,
}

impl Features<'_> {
    fn cast(&mut self, x: &str, to: i64) -> String {
        self.writer
            .node("Cast", &[x], vec![("to", Attribute::Int(to))])
    }

    fn piece(&mut self, name: String, places: impl IntoIterator<Item = usize>) {
        self.pieces.push(name);
        self.places.extend(places);
    }

    /// A column `[N]` as `[N, 1]`.
    fn column(&mut self, name: &str) -> String {
        let axis = self.writer.ints("axis", &[1]);
        self.writer.node("Unsqueeze", &[name, &axis], Vec::new())
    }

    fn beside(&mut self, pieces: &[String]) -> String {
        match pieces {
            [only] => only.clone(),
            pieces => {
                let names: Vec<&str> = pieces.iter().map(String::as_str).collect();
                self.writer
                    .node("Concat", &names, vec![("axis", Attribute::Int(1))])
            }
        }
    }

    /// (x - shift) / scale in double precision, kept within what a float holds, as a float.
    fn scaled(&mut self, x: &str, shift: &[f32], scale: &[f32]) -> String {
        let doubles = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let shift = self
            .writer
            .doubles("shift", &[shift.len()], &doubles(shift));
        let scale = self
            .writer
            .doubles("scale", &[scale.len()], &doubles(scale));
        let least = self.writer.doubles("least", &[], &[f64::from(f32::MIN)]);
        let most = self.writer.doubles("most", &[], &[f64::from(f32::MAX)]);
        let x = self.writer.node("Sub", &[x, &shift], Vec::new());
        let x = self.writer.node("Div", &[&x, &scale], Vec::new());
        let x = self.writer.node("Clip", &[&x, &least, &most], Vec::new());
        self.cast(&x, FLOAT)
    }

    /// All numbers and booleans at once, `[N, k]`: one feature each, and one more for missing values where there is one.
    fn numbers(&mut self, matrix: &str, inputs: &[&Input]) {
        let constants = inputs.iter().map(|input| match input.encoding {
            Encoding::Number {
                impute,
                shift,
                scale,
                ..
            } => (impute, shift, scale),
            Encoding::Boolean { impute, .. } => (impute, 0.0, 1.0),
            _ => (0.0, 0.0, 1.0),
        });
        let (imputes, others): (Vec<f32>, Vec<(f32, f32)>) =
            constants.map(|(i, m, s)| (i, (m, s))).unzip();
        let (shifts, scales): (Vec<f32>, Vec<f32>) = others.into_iter().unzip();
        let missing = self.writer.node("IsNaN", &[matrix], Vec::new());
        let impute = self.writer.floats("impute", &[imputes.len()], &imputes);
        let filled = self
            .writer
            .node("Where", &[&missing, &impute, matrix], Vec::new());
        let filled = self.cast(&filled, DOUBLE);
        let values = self.scaled(&filled, &shifts, &scales);
        self.piece(values, inputs.iter().map(|input| input.first_feature));
        let told = |(_, input): &(usize, &&Input)| input.encoding.has_indicator();
        let flagged: Vec<(usize, &&Input)> = inputs.iter().enumerate().filter(told).collect();
        if flagged.is_empty() {
            return;
        }
        let flags = self.cast(&missing, FLOAT);
        let positions: Vec<i64> = flagged
            .iter()
            .map(|(position, _)| *position as i64)
            .collect();
        let positions = self.writer.ints("flagged", &positions);
        let flags = self.writer.node(
            "Gather",
            &[&flags, &positions],
            vec![("axis", Attribute::Int(1))],
        );
        self.piece(
            flags,
            flagged.iter().map(|(_, input)| input.first_feature + 1),
        );
    }

    /// Elapsed time, and the places in the year and in the day.
    fn timestamp(&mut self, input: &Input) {
        let Encoding::Timestamp {
            impute,
            shift,
            scale,
            time_of_day,
            indicator,
        } = input.encoding
        else {
            return;
        };
        let raw = self.column(&input.name);
        let missing = self.writer.node("IsNaN", &[&raw], Vec::new());
        let impute = self.writer.doubles("impute", &[], &[f64::from(impute)]);
        let time = self
            .writer
            .node("Where", &[&missing, &impute, &raw], Vec::new());
        let elapsed = self.scaled(&time, &[shift], &[scale]);
        let first = input.first_feature;
        self.piece(elapsed, [first]);
        self.cycle(&time, YEAR, first + 1);
        if time_of_day {
            self.cycle(&time, DAY, first + 3);
        }
        if indicator {
            let flag = self.cast(&missing, FLOAT);
            self.piece(flag, [first + input.encoding.width() - 1]);
        }
    }

    /// Sine and cosine of the place within a period.
    fn cycle(&mut self, time: &str, period: f64, first: usize) {
        let period = self.writer.doubles("period", &[], &[period]);
        let turn = self.writer.doubles("turn", &[], &[TAU]);
        let times = self.writer.node("Div", &[time, &period], Vec::new());
        let whole = self.writer.node("Floor", &[&times], Vec::new());
        let part = self.writer.node("Sub", &[&times, &whole], Vec::new());
        let angle = self.writer.node("Mul", &[&part, &turn], Vec::new());
        for (place, function) in (first..).zip(["Sin", "Cos"]) {
            let wave = self.writer.node(function, &[&angle], Vec::new());
            let wave = self.cast(&wave, FLOAT);
            self.piece(wave, [place]);
        }
    }

    /// A feature per category, or its index.
    fn category(&mut self, input: &Input) {
        let (names, impute, indicator) = match &input.encoding {
            Encoding::Categories {
                names,
                impute,
                indicator,
                ..
            }
            | Encoding::Index {
                names,
                impute,
                indicator,
            } => (names, *impute, *indicator),
            _ => return,
        };
        // The code of a category is its feature or its index. What is unknown has index 0, or the feature behind all names,
        // which may be there or not; what is missing has a code behind all others.
        let is_index = matches!(input.encoding, Encoding::Index { .. });
        let (first_code, unknown) = if is_index { (1, 0) } else { (0, names.len()) };
        let missing_code = names.len() as i64 + 1;
        let missing = MISSING_WORDS
            .iter()
            .map(|&word| (word.to_owned(), missing_code));
        let known = names.iter().cloned().zip(first_code..);
        let (keys, values) = known.chain(missing).unzip();
        let attributes = vec![
            ("keys_strings", Attribute::Texts(keys)),
            ("values_int64s", Attribute::Ints(values)),
            ("default_int64", Attribute::Int(unknown as i64)),
        ];
        let code = self
            .writer
            .node_of(ML, "LabelEncoder", &[&input.name], attributes);
        let missing_code = self.writer.ints("missing", &[missing_code]);
        let missing = self
            .writer
            .node("Equal", &[&code, &missing_code], Vec::new());
        let impute = self.writer.ints("impute", &[impute as i64]);
        let place = self
            .writer
            .node("Where", &[&missing, &impute, &code], Vec::new());
        let width = input.encoding.width() - usize::from(indicator);
        let value = match input.encoding {
            Encoding::Index { .. } => {
                let index = self.cast(&place, FLOAT);
                self.column(&index)
            }
            _ => {
                let depth = self.writer.ints("depth", &[width as i64]);
                let values = self.writer.floats("off_on", &[2], &[0.0, 1.0]);
                self.writer
                    .node("OneHot", &[&place, &depth, &values], Vec::new())
            }
        };
        let first = input.first_feature;
        self.piece(value, first..first + width);
        if indicator {
            let flag = self.cast(&missing, FLOAT);
            let flag = self.column(&flag);
            self.piece(flag, [first + width]);
        }
    }

    /// The numbers of a sample, channel by channel.
    fn array(&mut self, input: &Input, port: &Port) -> String {
        let Encoding::Array {
            divisor,
            shift,
            scale,
            ..
        } = &input.encoding
        else {
            return port.name.clone();
        };
        let x = self.cast(&port.name, DOUBLE);
        let divisor = self.writer.doubles("divisor", &[], &[f64::from(*divisor)]);
        let x = self.writer.node("Div", &[&x, &divisor], Vec::new());
        let x = self.scaled(&x, shift, scale);
        let shape = self
            .writer
            .ints("shape", &[0, input.encoding.width() as i64]);
        self.writer.node("Reshape", &[&x, &shape], Vec::new())
    }

    /// All pieces beside each other, their columns in the order of the features.
    fn in_order(mut self) -> String {
        let pieces = std::mem::take(&mut self.pieces);
        let all = self.beside(&pieces);
        if self.places.is_sorted() {
            return all;
        }
        let mut order: Vec<i64> = vec![0; self.places.len()];
        for (position, &place) in self.places.iter().enumerate() {
            order[place] = position as i64;
        }
        let order = self.writer.ints("order", &order);
        self.writer
            .node("Gather", &[&all, &order], vec![("axis", Attribute::Int(1))])
    }
}
