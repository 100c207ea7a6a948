//! One raw value of a row on its way to features.

/// A value as it was sent. A text is read by the same rules as a cell of the training file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// `null`, or a column that was not sent.
    Missing,
    /// A JSON number.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A JSON string or a CSV field.
    Text(&'a str),
    /// The numbers of a sample.
    Numbers(&'a [f64]),
}

impl Cell<'_> {
    /// The value as a message shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Missing => "null".into(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
            Self::Text(text) => super::error::shorten(text),
            Self::Numbers(numbers) => format!("{} numbers", numbers.len()),
        }
    }
}

/// Cells that are kept until it is known which columns they belong to. One arena holds all their texts.
#[derive(Debug, Default)]
pub(super) struct Held {
    cells: Vec<HeldCell>,
    texts: String,
    numbers: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
enum HeldCell {
    Missing,
    Number(f64),
    Boolean(bool),
    Text { start: usize, end: usize },
    Numbers { start: usize, end: usize },
}

/// Texts beyond this are given back to the allocator after the row.
const KEPT_BYTES: usize = 64 << 10;

impl Held {
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.texts.clear();
        self.numbers.clear();
        self.texts.shrink_to(KEPT_BYTES);
    }

    pub(super) fn push(&mut self, cell: Cell<'_>) {
        self.cells.push(match cell {
            Cell::Missing => HeldCell::Missing,
            Cell::Number(number) => HeldCell::Number(number),
            Cell::Boolean(truth) => HeldCell::Boolean(truth),
            Cell::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(text);
                HeldCell::Text {
                    start,
                    end: self.texts.len(),
                }
            }
            Cell::Numbers(numbers) => {
                let start = self.numbers.len();
                self.numbers.extend_from_slice(numbers);
                HeldCell::Numbers {
                    start,
                    end: self.numbers.len(),
                }
            }
        });
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn get(&self, index: usize) -> Cell<'_> {
        match self.cells[index] {
            HeldCell::Missing => Cell::Missing,
            HeldCell::Number(number) => Cell::Number(number),
            HeldCell::Boolean(truth) => Cell::Boolean(truth),
            HeldCell::Text { start, end } => Cell::Text(&self.texts[start..end]),
            HeldCell::Numbers { start, end } => Cell::Numbers(&self.numbers[start..end]),
        }
    }
}
