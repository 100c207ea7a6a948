//! Which targets a loss can take, beyond being finite.

use super::EngineError;
use crate::dataset::{Dataset, Parts, Targets};
use crate::loss::Loss;
use crate::spec::Violation;

/// How far the shares of a row may be from a whole: what rounding to three decimals leaves.
const ROUNDING: f32 = 5e-3;

/// Checks the targets of every row that is used: counts are not negative, shares are not negative and make a whole.
///
/// # Errors
/// The first row that is neither.
pub(super) fn check(loss: &Loss, dataset: &Dataset, parts: &Parts) -> Result<(), EngineError> {
    let Targets::Values {
        values, names, std, ..
    } = &dataset.targets
    else {
        return Ok(());
    };
    let wanted = match loss {
        Loss::Poisson(_) => "counts, which are not negative",
        Loss::Kl(_) => "shares, which are not negative",
        _ => return Ok(()),
    };
    for &row in parts
        .train
        .iter()
        .chain(&parts.validation)
        .chain(&parts.test)
    {
        let targets = values.row(row as usize);
        let number = row + 1;
        if let Some(target) = targets.iter().position(|&value| value < 0.0) {
            let message = format!(
                "{} wants {wanted}, and {:?} is {} in row {number}",
                loss.kind(),
                names[target],
                targets[target] * std[target],
            );
            return Err(refused("negative_target", message));
        }
        let whole = targets.sum();
        if matches!(loss, Loss::Kl(_)) && (whole - 1.0).abs() > ROUNDING {
            let message = format!(
                "kl wants shares of a whole, and the targets of row {number} have sum {whole} instead of 1"
            );
            return Err(refused("not_a_whole", message));
        }
    }
    Ok(())
}

fn refused(code: &'static str, message: String) -> EngineError {
    EngineError::Spec(vec![Violation::new("/task/target", code, message)])
}
