//! The loss of an answer that does not look at the features: what every network must beat.

use super::EngineError;
use super::evaluation::Evaluator;
use super::rows::Rows;
use crate::aligned::Aligned;
use crate::dataset::Targets;
use crate::isa::Cpu;
use crate::loss::{ClassWeights, Loss};
use crate::network::{Network, Outcome, Parameters};

/// Rows of each class.
pub(crate) fn class_counts(targets: &Targets, labels: &[u32]) -> Vec<u64> {
    let Targets::Classes { names, .. } = targets else {
        return Vec::new();
    };
    let mut counts = vec![0; names.len()];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    counts
}

/// Measures a network without hidden layers whose weights are zero and whose bias is the best constant: the logarithm of each
/// class's weighted share (for a hinge the margin for the most frequent class), the logarithm of each target's mean for counts
/// and shares, the quantile of each target, or 0, which is the mean of a standardised target, and as good a place for all rows as
/// any other.
pub(crate) fn loss(
    network: &Network,
    loss: &Loss,
    targets: &Targets,
    rows: &Rows,
    cpu: Cpu,
) -> Result<f64, EngineError> {
    let constant = Network::build(&[], network.n_features(), network.head())?;
    let mut parameters = Parameters {
        values: Aligned::<f32>::zeros(constant.n_parameters()),
    };
    let first_bias = network.n_features() * network.n_outputs();
    let bias = &mut parameters.values[first_bias..];
    let counts = class_counts(targets, &rows.labels);
    let share = |class: usize| counts[class].max(1) as f64 * weight(loss, &counts, class);
    match network.head().outcome {
        Outcome::Classes if matches!(loss, Loss::Hinge(_)) => most_frequent(&counts, loss, bias),
        Outcome::Classes => bias
            .iter_mut()
            .enumerate()
            .for_each(|(class, bias)| *bias = share(class).max(1e-30).ln() as f32),
        Outcome::Binary => bias[0] = (share(1) / share(0)).ln() as f32,
        Outcome::Counts | Outcome::Shares => {
            for (target, bias) in bias.iter_mut().enumerate() {
                *bias = mean(rows, target).max(1e-30).ln() as f32;
            }
        }
        Outcome::Places => {}
        Outcome::Values => {
            if let Loss::Quantile(loss) = loss {
                for (target, bias) in bias.iter_mut().enumerate() {
                    *bias = quantile(rows, target, loss.quantile);
                }
            }
        }
    }
    let mut evaluator = Evaluator::new(&constant, loss, targets, rows.n_rows, cpu)?;
    Ok(evaluator.loss(&parameters, rows))
}

/// Raises the most frequent class by the margin above the others.
fn most_frequent(counts: &[u64], loss: &Loss, bias: &mut [f32]) {
    let most = counts.iter().copied().max();
    if let (Loss::Hinge(loss), Some(most)) = (loss, most)
        && let Some(class) = counts.iter().position(|&count| count == most)
    {
        bias[class] = loss.margin as f32;
    }
}

/// Mean of a target.
fn mean(rows: &Rows, target: usize) -> f64 {
    let column = rows.values.iter().skip(target).step_by(rows.n_targets);
    column.map(|&value| f64::from(value)).sum::<f64>() / rows.n_rows.max(1) as f64
}

/// The smallest value of a target that at least this part of the rows does not exceed; 0 without rows.
fn quantile(rows: &Rows, target: usize, part: f64) -> f32 {
    let column = rows.values.iter().skip(target).step_by(rows.n_targets);
    let mut column: Vec<f32> = column.copied().collect();
    column.sort_unstable_by(f32::total_cmp);
    let rank = (part * column.len() as f64).ceil() as usize;
    column.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

fn weight(loss: &Loss, counts: &[u64], class: usize) -> f64 {
    match loss {
        Loss::CrossEntropy(loss) => loss
            .class_weights
            .as_ref()
            .map_or(1.0, |weights: &ClassWeights| weights.values(counts)[class]),
        Loss::BinaryCrossEntropy(loss) if class == 1 => loss.positive_weight,
        _ => 1.0,
    }
}
