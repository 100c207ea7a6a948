//! What layers that slide a window over an image have in common: sizes along two axes, and padding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// For `serde`: one.
pub(super) fn one() -> usize {
    1
}

/// Sizes down and right: `3` for both, or `[5, 3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Extent {
    /// The same along both axes.
    Both(#[schemars(range(min = 0, max = 65_536))] usize),
    /// Rows, then columns.
    Each([usize; 2]),
}

impl Extent {
    /// Rows and columns.
    pub fn axes(self) -> [usize; 2] {
        match self {
            Extent::Both(size) => [size, size],
            Extent::Each(sizes) => sizes,
        }
    }

    /// Whether each axis has at least `least`, and not more than any image has.
    pub(super) fn at_least(self, least: usize) -> bool {
        self.axes()
            .iter()
            .all(|size| (least..=65_536).contains(size))
    }

    /// For `serde`: 0 along both axes.
    pub(super) fn zero() -> Extent {
        Extent::Both(0)
    }

    /// For `serde`: 1 along both axes.
    pub(super) fn one() -> Extent {
        Extent::Both(1)
    }
}

/// Zeros around the image: a rule, or how many on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Padding {
    /// By a rule.
    Rule(PaddingRule),
    /// This many: `1`, or `[2, 1]` above and below, left and right.
    Zeros(Extent),
}

/// How many zeros there are around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaddingRule {
    /// None.
    Valid,
    /// As many as keep the size of the image; wants a stride of 1 and a kernel of odd size.
    Same,
}

impl Padding {
    /// For `serde`: none.
    pub(super) fn none() -> Padding {
        Padding::Rule(PaddingRule::Valid)
    }

    /// Zeros on each side along both axes, for a window of this size whose elements are `dilation` apart.
    pub fn zeros(self, kernel: [usize; 2], dilation: [usize; 2]) -> [usize; 2] {
        match self {
            Padding::Rule(PaddingRule::Valid) => [0, 0],
            Padding::Rule(PaddingRule::Same) => {
                [0, 1].map(|axis| dilation[axis].saturating_mul(kernel[axis].saturating_sub(1)) / 2)
            }
            Padding::Zeros(extent) => extent.axes(),
        }
    }

    /// What is wrong with the padding of such a window.
    pub(super) fn fault(self, kernel: Extent, stride: Extent, dilation: Extent) -> Option<String> {
        match self {
            Padding::Rule(PaddingRule::Valid) => None,
            Padding::Rule(PaddingRule::Same) => {
                let (kernel, dilation) = (kernel.axes(), dilation.axes());
                let odd = (0..2).all(|axis| {
                    dilation[axis]
                        .saturating_mul(kernel[axis].saturating_sub(1))
                        .is_multiple_of(2)
                });
                (!odd || stride.axes() != [1, 1]).then(|| {
                    "padding `same` wants a stride of 1 and a kernel of odd size; give a number instead".to_owned()
                })
            }
            Padding::Zeros(extent) => (!extent.at_least(0))
                .then(|| "padding lies from 0 to 65536 along each axis".to_owned()),
        }
    }
}

/// Zeros before and after a sequence: a rule, or how many on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Along {
    /// By a rule.
    Rule(PaddingRule),
    /// This many on each side.
    Zeros(#[schemars(range(min = 0, max = 65_536))] usize),
}

impl Along {
    /// For `serde`: none.
    pub(super) fn none() -> Along {
        Along::Rule(PaddingRule::Valid)
    }

    /// The padding of an image with one row.
    pub(super) fn padding(self) -> Padding {
        match self {
            Along::Rule(rule) => Padding::Rule(rule),
            Along::Zeros(zeros) => Padding::Zeros(Extent::Each([0, zeros])),
        }
    }
}
