//! Whether a sweep can be worked off, found out before it begins: everything that is wrong with its parts, and with the specs of children
//! at the ends of every range and at every value of a choice. What only some combination of values breaks is found when that
//! combination is proposed; that trial is refused and the sweep goes on.

use descent_engine::spec::pointer::{escaped, join};
use descent_engine::spec::{Rung, Spec, Violation};
use serde_json::{Value, json};

use super::document::{Budget, Objective, Wanted};
use super::space::{self, MAX_PARAMETERS, Space};
use super::strategy::{Strategy, asha, grid};
use crate::data::Ingested;
use crate::runs::{Runs, RunsError};

/// Children of one sweep.
pub const MAX_RUNS: u32 = 1_000;
/// Children when the budget does not say.
const RUNS: u32 = 50;
/// Specs that are looked at before a sweep begins.
const MAX_PROBES: usize = 2_000;
/// Places that belong to the sweep itself.
const RESERVED: [&str; 3] = ["/dataset", "/name", "/training/rungs"];

/// What a checked sweep has beyond its document.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Children in all, by the budget.
    pub max_runs: u32,
    /// Children after which there is nothing more to try.
    pub space_size: Option<u64>,
    /// Epochs after which bad children stop.
    pub rungs: Vec<u32>,
    /// The objective with its direction.
    pub objective: Objective,
}

/// Checks what needs no data. Everything that is wrong, with pointers into the request.
pub fn parts(wanted: &Wanted) -> Vec<Violation> {
    let mut found = wanted.strategy.violations();
    found.extend(budget(&wanted.budget));
    let n = wanted.space.len();
    if wanted.strategy == (Strategy::Seeds {}) {
        if n > 0 {
            let message = "`seeds` tries one spec from several seeds; leave the space empty";
            found.push(Violation::new("/space", "contradiction", message).got(n));
        }
    } else if !(1..=MAX_PARAMETERS).contains(&n) {
        let message = format!("a space has 1 to {MAX_PARAMETERS} parameters");
        found.push(Violation::new("/space", "length", message).got(n));
    }
    for (pointer, domain) in &wanted.space {
        let at = join("/space", pointer);
        found.extend(domain.violations(&at));
        if RESERVED.contains(&pointer.as_str()) {
            let message = format!("`{pointer}` is the same for all children of a sweep");
            found.push(Violation::new(&at, "contradiction", message));
        } else if let Err(why) = space::set(&mut wanted.spec.clone(), pointer, Value::Null) {
            found.push(Violation::new(&at, "no_such_place", why));
        }
    }
    // A range that is upside down has no values to count, and is refused above.
    let sound = |domain: &&space::Domain| domain.violations("").is_empty();
    let domains = wanted.space.values().filter(sound);
    let n_samples: usize = domains.map(|domain| domain.samples().len()).sum();
    if n_samples > MAX_PROBES {
        let message = format!("at most {MAX_PROBES} values of choices and ends of ranges");
        found.push(Violation::new("/space", "length", message).got(n_samples));
    }
    if let Strategy::Asha { .. } = wanted.strategy
        && wanted.space.contains_key("/training/epochs")
    {
        let message =
            "`asha` compares children after equal epochs, so they have the same number of them";
        let at = "/space/~1training~1epochs";
        found.push(Violation::new(at, "contradiction", message));
    }
    found
}

/// Everything that is wrong with a budget.
pub fn budget(budget: &Budget) -> Vec<Violation> {
    let ranged = |member: &str, value: Option<u32>, high: u32| {
        let value = value.filter(|value| !(1..=high).contains(value))?;
        let message = format!("{member} is {value}; it must be 1 to {high}");
        Some(Violation::new(format!("/budget/{member}"), "range", message).got(value))
    };
    let found = [
        ranged("runs", budget.runs, MAX_RUNS),
        ranged("minutes", budget.minutes, super::document::MAX_MINUTES),
        ranged("parallel", budget.parallel, super::document::MAX_PARALLEL),
    ];
    found.into_iter().flatten().collect()
}

/// Why a spec names no dataset. The rest of it is not looked at: what it lacks may come from the space.
pub fn unnamed(spec: &Value) -> Vec<Violation> {
    let mut found = Spec::from_value(spec.clone()).err().unwrap_or_default();
    found.retain(|violation| ["", "/dataset"].contains(&violation.pointer.as_str()));
    for violation in &mut found {
        violation.pointer.insert_str(0, "/spec");
    }
    found
}

/// Checks children on their data.
///
/// # Errors
/// Everything that is wrong, with pointers into the request.
pub fn children(
    runs: &Runs,
    wanted: &Wanted,
    ingested: &Ingested,
) -> Result<Checked, Vec<Violation>> {
    let mut found = Vec::new();
    let first = |space: &Space| -> space::Parameters {
        let middle = |(pointer, domain): (&String, &space::Domain)| {
            (pointer.clone(), domain.samples().swap_remove(0).1)
        };
        space.iter().map(middle).collect()
    };
    let base = first(&wanted.space);
    let (spec, resolved) = match probe(runs, wanted, ingested, &base) {
        Ok(pair) => pair,
        Err(violations) => {
            // The first sample of a parameter is wrong, or the spec is: the other samples would say it again.
            for violation in violations {
                found.push(located(violation, wanted, |domain| {
                    domain.samples().swap_remove(0).0
                }));
            }
            return Err(found);
        }
    };
    for (pointer, domain) in &wanted.space {
        for (name, value) in domain.samples().into_iter().skip(1) {
            let mut parameters = base.clone();
            parameters.insert(pointer.clone(), value);
            if let Err(violations) = probe(runs, wanted, ingested, &parameters) {
                // Whatever it says, this value is what made the difference.
                found.extend(violations.into_iter().map(|mut violation| {
                    violation.message = match violation.pointer.as_str() {
                        inner if inner == pointer => violation.message,
                        inner => format!("`{inner}`: {}", violation.message),
                    };
                    violation.pointer = format!("/space/{}/{name}", escaped(pointer));
                    violation
                }));
            }
        }
    }
    let objective = objective(&wanted.objective, &spec, &mut found);
    let epochs = resolved.training.epochs.unwrap_or(1);
    let rungs = rungs(&wanted.strategy, epochs, &mut found);
    let (max_runs, space_size) = sizes(wanted, &mut found);
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Checked {
        max_runs,
        space_size,
        rungs,
        objective,
    })
}

/// The child with these values: as it would be posted, and with everything filled in.
fn probe(
    runs: &Runs,
    wanted: &Wanted,
    ingested: &Ingested,
    parameters: &space::Parameters,
) -> Result<(Spec, Spec), Vec<Violation>> {
    let mut document = wanted.spec.clone();
    for (pointer, value) in parameters {
        space::set(&mut document, pointer, value.clone()).map_err(|why| {
            let at = join("/space", pointer);
            vec![Violation::new(at, "no_such_place", why)]
        })?;
    }
    if let Strategy::Asha { .. } = wanted.strategy {
        // Only to see whether this training can have rungs at all.
        let rung = Rung {
            epoch: 1,
            metric: wanted.objective.metric.clone(),
            bound: 0.0,
        };
        let rung = serde_json::to_value([rung]).unwrap_or_default();
        // A spec that is no object is refused by its own name below.
        let _ = space::set(&mut document, "/training/rungs", rung);
    }
    let spec = Spec::from_value(document)?;
    match runs.fit_profile(&spec, ingested) {
        Ok((resolved, ..)) => Ok((spec, resolved)),
        Err(RunsError::Spec(violations)) => Err(violations),
        Err(other) => Err(vec![Violation::new("", "invalid", other.to_string())]),
    }
}

/// Points a violation of a child's spec into the request: to the parameter whose place it is in, else to the spec.
fn located(
    mut violation: Violation,
    Wanted { spec, space, .. }: &Wanted,
    sample: impl Fn(&space::Domain) -> String,
) -> Violation {
    if violation.pointer.starts_with("/space/") {
        return violation;
    }
    if violation.pointer.starts_with("/training/rungs") {
        violation.pointer = match violation.pointer.ends_with("/metric") {
            true => "/objective/metric".to_owned(),
            false => "/strategy/kind".to_owned(),
        };
        return violation;
    }
    let inside = |pointer: &str| {
        violation
            .pointer
            .strip_prefix(pointer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // The innermost parameter: a choice of whole layers may hold the place of another parameter.
    let parameter = space.iter().rev().find(|(pointer, _)| inside(pointer));
    violation.pointer = match parameter {
        Some((pointer, domain)) => format!("/space/{}/{}", escaped(pointer), sample(domain)),
        None => {
            let outer = violation.pointer.rsplit_once('/');
            let outer = outer.map_or("", |(outer, _)| outer);
            let made = space
                .keys()
                .find(|pointer| !outer.is_empty() && pointer.starts_with(&format!("{outer}/")));
            // An object that the spec leaves out has nothing but what the space puts there.
            if let Some(pointer) = made
                && spec.pointer(outer).is_none_or(Value::is_null)
            {
                violation.message +=
                    &format!("; `{pointer}` sets a part of `{outer}`, which the spec leaves out");
            }
            format!("/spec{}", violation.pointer)
        }
    };
    violation
}

fn objective(wanted: &Objective, spec: &Spec, found: &mut Vec<Violation>) -> Objective {
    if let Err(violation) = spec.check_metric(&wanted.metric, "/objective/metric") {
        found.push(*violation);
    }
    let natural = match spec.lower_is_better(&wanted.metric) {
        Some(false) => super::document::Direction::Maximize,
        _ => super::document::Direction::Minimize,
    };
    let direction = wanted.direction.unwrap_or(natural);
    if direction != natural {
        let message = format!(
            "`{}` is better when it is {}",
            wanted.metric,
            match natural {
                super::document::Direction::Minimize => "smaller",
                super::document::Direction::Maximize => "larger",
            }
        );
        found.push(
            Violation::new("/objective/direction", "contradiction", message)
                .allowed(json!([natural]))
                .got(json!(direction)),
        );
    }
    Objective {
        metric: wanted.metric.clone(),
        direction: Some(direction),
    }
}

fn rungs(strategy: &Strategy, epochs: u32, found: &mut Vec<Violation>) -> Vec<u32> {
    let Strategy::Asha {
        reduction,
        min_epochs,
    } = *strategy
    else {
        return Vec::new();
    };
    let rungs = asha::rungs(min_epochs, reduction, epochs);
    if rungs.is_empty() {
        let message = format!(
            "the children have {epochs} epochs, so none can stop earlier than after {min_epochs}"
        );
        found
            .push(Violation::new("/strategy/min_epochs", "contradiction", message).got(min_epochs));
    }
    rungs
}

/// Children by the budget, and children that there can be.
fn sizes(wanted: &Wanted, found: &mut Vec<Violation>) -> (u32, Option<u64>) {
    let Strategy::Grid { levels } = wanted.strategy else {
        return (wanted.budget.runs.unwrap_or(RUNS), None);
    };
    let size = grid::size(&wanted.space, levels);
    match (size, wanted.budget.runs) {
        (None, _) => {
            let message = format!(
                "this grid has more than {} combinations; take fewer levels, or `random`",
                grid::MAX_POINTS
            );
            found.push(Violation::new("/space", "too_large", message));
            (1, None)
        }
        (Some(size), None) if size > u64::from(MAX_RUNS) => {
            let message = format!(
                "this grid has {size} combinations, and a sweep has at most {MAX_RUNS} runs; take fewer levels, or say with `runs` how many of them to try"
            );
            found.push(Violation::new("/budget/runs", "too_large", message));
            (1, Some(size))
        }
        (Some(size), runs) => (runs.unwrap_or(size as u32), Some(size)),
    }
}
