//! Which array of an archive is what. The array of labels has one number per row, the array of samples more; names that say
//! `test` (or `t10k`) or `validation` put an array into that part. One rule for the names of MNIST, of Keras and of our own form.

use super::element::Element;
use super::format::{ArrayPart, Layout};
use super::header::{Header, product};
use crate::data::DataError;

/// The arrays of an archive, put in their places.
#[derive(Debug)]
pub(super) struct Plan {
    pub parts: Vec<ArrayPart>,
    pub element: Element,
    pub shape: Vec<u32>,
}

/// An array by its name, and whether it could be labels.
struct Found<'a> {
    name: &'a str,
    header: &'a Header,
    one_number: bool,
}

/// Puts the arrays in their places.
pub(super) fn plan(arrays: &[(String, Header)], layout: Layout) -> Result<Plan, DataError> {
    let mut parts = Vec::new();
    let mut of_rows: Option<(&str, Element, Vec<u32>)> = None;
    let splits = ["train", "validation", "test"];
    let wanted = splits
        .iter()
        .filter(|split| arrays.iter().any(|(name, _)| split_of(name) == **split));
    let several = wanted.clone().count() > 1;
    for split in wanted {
        let of_split = arrays.iter().filter(|(name, _)| split_of(name) == *split);
        let found: Vec<Found<'_>> = of_split
            .map(|(name, header)| Found {
                name,
                header,
                one_number: product(header.row_dims()) == Some(1),
            })
            .collect();
        let (samples, labels) = roles(&found)?;
        if let Some(labels) = labels {
            same_length(samples, labels)?;
        }
        let element = samples.header.element;
        let shape = layout.sample_shape(samples.name, samples.header.row_dims())?;
        match &of_rows {
            Some((name, other, expected)) if *other != element || *expected != shape => {
                let message = format!(
                    "{} and {name} hold rows of different shape or type; all parts of a dataset have the same",
                    samples.name
                );
                return Err(DataError::new("parts_differ", message));
            }
            _ => of_rows = Some((samples.name, element, shape)),
        }
        parts.push(ArrayPart {
            split: several.then(|| (*split).to_owned()),
            samples: samples.name.to_owned(),
            labels: labels.map(|labels| labels.name.to_owned()),
            n_rows: samples.header.n_rows(),
        });
    }
    if parts.iter().any(|part| part.labels.is_some())
        && let Some(bare) = parts.iter().find(|part| part.labels.is_none())
    {
        let message = format!(
            "{} comes without labels, while another part has them; add its labels",
            bare.samples
        );
        return Err(DataError::new("no_labels", message));
    }
    let Some((_, element, shape)) = of_rows else {
        let message =
            "the archive holds neither arrays (NPY or IDX) nor pictures (PNG, JPEG or BMP)";
        return Err(DataError::new("empty_archive", message));
    };
    Ok(Plan {
        parts,
        element,
        shape,
    })
}

/// Samples, and labels if there are any.
fn roles<'f, 'a>(
    found: &'f [Found<'a>],
) -> Result<(&'f Found<'a>, Option<&'f Found<'a>>), DataError> {
    match found {
        [only] if only.header.dims.len() > 1 || !says_labels(only.name) => Ok((only, None)),
        [only] => {
            let message = format!(
                "{} holds one number per row, so it is labels, and there are no samples beside it",
                only.name
            );
            Err(DataError::new("no_samples", message))
        }
        [a, b] if b.one_number && (!a.one_number || says_labels(b.name)) => Ok((a, Some(b))),
        [a, b] if a.one_number && (!b.one_number || says_labels(a.name)) => Ok((b, Some(a))),
        [a, b] => {
            let message = format!(
                "one of {} and {} must hold labels: one number per row (not one-hot)",
                a.name, b.name
            );
            Err(DataError::new("no_labels", message))
        }
        more => {
            let names: Vec<_> = more.iter().map(|array| array.name).collect();
            let message = format!(
                "{} are too many arrays for one part: samples and labels are wanted (x and y, or x_train, y_train, x_test and y_test)",
                names.join(", ")
            );
            Err(DataError::new("too_many_arrays", message))
        }
    }
}

fn same_length(samples: &Found<'_>, labels: &Found<'_>) -> Result<(), DataError> {
    let (n_samples, n_labels) = (samples.header.n_rows(), labels.header.n_rows());
    if n_samples == n_labels {
        return Ok(());
    }
    let message = format!(
        "{} has {n_labels} labels for the {n_samples} samples of {}",
        labels.name, samples.name
    );
    Err(DataError::new("label_count", message))
}

/// The words of a name: `x_train.npy` is `x`, `train`, `npy`.
fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.split(|c: char| !c.is_ascii_alphanumeric())
        .map(str::to_ascii_lowercase)
}

/// The part that a name speaks of.
pub(super) fn split_of(name: &str) -> &'static str {
    for word in words(name) {
        if word.starts_with("test") || word.ends_with("test") || word == "t10k" {
            return "test";
        }
        if matches!(&*word, "validation" | "valid" | "val" | "dev") {
            return "validation";
        }
    }
    "train"
}

fn says_labels(name: &str) -> bool {
    words(name).any(|word| {
        word == "y"
            || word.starts_with("label")
            || word.starts_with("target")
            || word == "ytrain"
            || word == "ytest"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::arrays::element::ElementType;

    fn array(name: &str, dims: &[u64]) -> (String, Header) {
        let element = Element {
            kind: ElementType::UInt8,
            big_endian: false,
        };
        let header = Header {
            element,
            dims: dims.to_vec(),
            n_bytes: 16,
        };
        (name.to_owned(), header)
    }

    fn planned(arrays: &[(String, Header)]) -> Vec<(Option<String>, String, Option<String>)> {
        let plan = plan(arrays, Layout::ChannelsLast).unwrap();
        let parts = plan.parts.into_iter();
        parts.map(|p| (p.split, p.samples, p.labels)).collect()
    }

    fn part(
        split: Option<&str>,
        samples: &str,
        labels: Option<&str>,
    ) -> (Option<String>, String, Option<String>) {
        (
            split.map(str::to_owned),
            samples.to_owned(),
            labels.map(str::to_owned),
        )
    }

    #[test]
    fn names_of_mnist_keras_and_the_form() {
        assert_eq!(
            planned(&[
                array("t10k-labels-idx1-ubyte.gz", &[10]),
                array("t10k-images-idx3-ubyte.gz", &[10, 28, 28]),
                array("train-images-idx3-ubyte.gz", &[60, 28, 28]),
                array("train-labels-idx1-ubyte.gz", &[60]),
            ]),
            [
                part(
                    Some("train"),
                    "train-images-idx3-ubyte.gz",
                    Some("train-labels-idx1-ubyte.gz")
                ),
                part(
                    Some("test"),
                    "t10k-images-idx3-ubyte.gz",
                    Some("t10k-labels-idx1-ubyte.gz")
                ),
            ]
        );
        assert_eq!(
            planned(&[array("y.npy", &[5, 1]), array("x.npy", &[5, 4])]),
            [part(None, "x.npy", Some("y.npy"))]
        );
        assert_eq!(
            planned(&[array("x.npy", &[5, 1]), array("y.npy", &[5])]),
            [part(None, "x.npy", Some("y.npy"))]
        );
        assert_eq!(
            planned(&[array("x.npy", &[5, 4])]),
            [part(None, "x.npy", None)]
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let code =
            |arrays: &[(String, Header)]| plan(arrays, Layout::ChannelsLast).unwrap_err().code;
        assert_eq!(code(&[]), "empty_archive");
        assert_eq!(code(&[array("labels", &[5])]), "no_samples");
        assert_eq!(
            code(&[array("x", &[5, 4]), array("y", &[4])]),
            "label_count"
        );
        assert_eq!(
            code(&[array("x", &[5, 4]), array("y", &[5, 10])]),
            "no_labels"
        );
        assert_eq!(
            code(&[array("a", &[5, 4]), array("b", &[5]), array("c", &[5])]),
            "too_many_arrays"
        );
        assert_eq!(
            code(&[
                array("x_train", &[5, 4]),
                array("y_train", &[5]),
                array("x_test", &[5, 3]),
                array("y_test", &[5])
            ]),
            "parts_differ"
        );
        assert_eq!(
            code(&[
                array("x_train", &[5, 4]),
                array("y_train", &[5]),
                array("x_test", &[5, 4])
            ]),
            "no_labels"
        );
    }
}
