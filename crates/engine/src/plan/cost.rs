//! What a run will need, in checked arithmetic, before anything is allocated.

use super::PlanError;
use super::compile::Results;
use super::evaluate::EvaluationGraph;
use super::probe;
use super::program::Program;
use super::train::TrainingGraph;
use crate::isa::Cpu;
use crate::loss::Loss;
use crate::network::{Mode, Network};
use crate::optimizer::Optimizer;

/// Memory and work of a training in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    /// Trained numbers.
    pub parameters: u64,
    /// Bytes of the weights, those of statistics that go with them included.
    pub weights_bytes: u64,
    /// Bytes of their gradients.
    pub gradients_bytes: u64,
    /// Bytes of the optimizer's state.
    pub optimizer_bytes: u64,
    /// Bytes of all other values of a step, for a full batch.
    pub activations_bytes: u64,
    /// Bytes that the threads compute with beside those values: packed factors, transformed weights, sums of parts.
    pub working_bytes: u64,
    /// Sum of the above.
    pub total_bytes: u64,
    /// Multiplications and additions of the matrix products and convolutions of a training step, per row.
    pub flops_per_sample: u64,
}

/// Bytes of so many numbers.
fn bytes(count: u64) -> Result<u64, PlanError> {
    count
        .checked_mul(size_of::<f32>() as u64)
        .ok_or(PlanError::TooLarge)
}

/// Bytes of a program's values and what its threads compute with, and of `n_beside` numbers beside them.
fn held(program: &Program, n_beside: u64, cpu: Cpu) -> Result<u64, PlanError> {
    let n_numbers = (program.arena_len as u64).checked_add(n_beside);
    let values = bytes(n_numbers.ok_or(PlanError::TooLarge)?)?;
    program
        .working_bytes::<f32>(cpu)
        .and_then(|working| working.checked_add(values))
        .ok_or(PlanError::TooLarge)
}

impl Network {
    /// Bytes of what evaluating the network takes beside its weights, when up to `batch_rows` rows are computed at once.
    ///
    /// # Errors
    /// As [`Network::cost`].
    pub fn evaluation_bytes(
        &self,
        loss: &Loss,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<u64, PlanError> {
        held(&self.evaluation(loss, batch_rows)?, 0, cpu)
    }

    /// Bytes of a model of this network that predicts a row: its weights twice, what is made of those of convolutions, and the values of
    /// the row.
    ///
    /// # Errors
    /// As [`Network::cost`].
    pub fn model_bytes(&self, loss: &Loss, cpu: Cpu) -> Result<u64, PlanError> {
        let mut program = self.evaluation(loss, 1)?;
        let n_kept = program.keep::<f32>(cpu.isa) as u64;
        let n_beside = (self.n_parameters() as u64)
            .checked_mul(2)
            .and_then(|n| n.checked_add(n_kept));
        held(&program, n_beside.ok_or(PlanError::TooLarge)?, cpu)
    }

    /// What evaluates the network, without its values.
    fn evaluation(&self, loss: &Loss, batch_rows: usize) -> Result<Program, PlanError> {
        let evaluation = EvaluationGraph::build(self, loss)?;
        let results = Results {
            keep: &evaluation.results(),
            ..Results::default()
        };
        Program::compile(&evaluation.graph, results, batch_rows)
    }

    /// Bytes of a [`Probe`](super::Probe) that looks at this network in batches of up to `batch_rows` rows.
    ///
    /// # Errors
    /// As [`Network::cost`].
    pub fn probe_bytes(&self, loss: &Loss, batch_rows: usize, cpu: Cpu) -> Result<u64, PlanError> {
        let step = TrainingGraph::build(self, loss, Mode::Train)?;
        let program = Program::compile(&step.graph, probe::results(&step, self), batch_rows)?;
        held(&program, self.n_parameters() as u64, cpu)
    }

    /// What training this network on this processor takes. Compiles the step without allocating its values.
    ///
    /// # Errors
    /// When the loss does not fit, or a number exceeds what can be counted.
    pub fn cost(
        &self,
        loss: &Loss,
        optimizer: &Optimizer,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<Cost, PlanError> {
        let step = TrainingGraph::build(self, loss, Mode::Train)?;
        // Gradients are counted apart: pinned, they take no room among the other values.
        let results = Results {
            keep: &[step.loss],
            pinned: &step.pinned,
            pinned_len: 0,
        };
        let program = Program::compile(&step.graph, results, batch_rows)?;
        let parameters = self.n_trained() as u64;
        let weights_bytes = bytes(self.n_parameters() as u64)?;
        let optimizer_bytes = bytes(parameters)?
            .checked_mul(optimizer.n_slots() as u64)
            .ok_or(PlanError::TooLarge)?;
        let activations_bytes = bytes(program.arena_len as u64)?;
        let working_bytes = program
            .working_bytes::<f32>(cpu)
            .ok_or(PlanError::TooLarge)?;
        let total_bytes = weights_bytes
            .checked_mul(2)
            .and_then(|sum| {
                sum.checked_add(optimizer_bytes)?
                    .checked_add(activations_bytes)?
                    .checked_add(working_bytes)
            })
            .ok_or(PlanError::TooLarge)?;
        let flops = 2 * program.n_multiplications() / batch_rows as u128;
        Ok(Cost {
            parameters,
            weights_bytes,
            gradients_bytes: weights_bytes,
            optimizer_bytes,
            activations_bytes,
            working_bytes,
            total_bytes,
            flops_per_sample: u64::try_from(flops).map_err(|_| PlanError::TooLarge)?,
        })
    }
}
