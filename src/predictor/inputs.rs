//! Which columns a row may have and what becomes of each.

use std::collections::HashMap;

use super::error::nearest;

/// How many names are compared to find the one that was meant.
const MAX_COMPARED: usize = 1_000;

/// The columns of the training file, as a row may name them.
#[derive(Debug)]
pub(super) struct Inputs {
    /// Names of all columns of the file, in file order.
    names: Vec<Box<str>>,
    /// For each column of the file, its number among the inputs; `None` for the target and for columns that were left out.
    input_of: Vec<Option<usize>>,
    /// For each input, its column in the file.
    column_of: Vec<usize>,
    by_name: HashMap<Box<str>, usize>,
}

impl Inputs {
    /// `names` are the columns of the file; `column_of` says where each input stands among them.
    pub(super) fn new(names: Vec<Box<str>>, column_of: Vec<usize>) -> Self {
        let mut input_of = vec![None; names.len()];
        for (input, &column) in column_of.iter().enumerate() {
            input_of[column] = Some(input);
        }
        let by_name = names
            .iter()
            .cloned()
            .enumerate()
            .map(|(column, name)| (name, column))
            .collect();
        Self {
            names,
            input_of,
            column_of,
            by_name,
        }
    }

    /// How many columns the model looks at.
    pub(super) fn len(&self) -> usize {
        self.column_of.len()
    }

    /// How many columns the training file had.
    pub(super) fn n_columns(&self) -> usize {
        self.names.len()
    }

    /// The input that a column of the file is, if the model looks at it.
    pub(super) fn input_of(&self, column: usize) -> Option<usize> {
        self.input_of[column]
    }

    /// The column of the file that an input is.
    pub(super) fn column_of(&self, input: usize) -> usize {
        self.column_of[input]
    }

    /// Name of a column of the file.
    pub(super) fn name(&self, column: usize) -> &str {
        &self.names[column]
    }

    /// The column called `name`. `expected` is a guess: the input that usually comes next.
    #[inline]
    pub(super) fn find(&self, name: &str, expected: usize) -> Option<usize> {
        if let Some(&column) = self.column_of.get(expected)
            && &*self.names[column] == name
        {
            return Some(column);
        }
        self.by_name.get(name).copied()
    }

    /// The known name that is nearest to a wrong one.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(
            name,
            self.names.iter().take(MAX_COMPARED).map(|name| &**name),
        )
    }
}
