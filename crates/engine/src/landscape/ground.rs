//! The rows and the network that losses are computed with.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::checkpoint::{Kind, Reader};
use crate::dataset::Dataset;
use crate::isa::{Cpu, Isa, kernel};
use crate::loss::Loss;
use crate::network::{Network, Parameters};
use crate::plan::{EvaluationPlan, GradientPlan, PlanError};
use crate::rng::{Purpose, Stream};
use crate::spec::Spec;
use crate::trainer::EngineError;
use crate::trainer::baseline::class_counts;
use crate::trainer::recipe::Recipe;
use crate::trainer::rows::Rows;

/// Most rows that are evaluated at once: few enough for the cache.
const PIECE: usize = 256;

/// A network, its loss, and rows to measure it on.
pub struct Ground {
    network: Network,
    loss: Loss,
    rows: Rows,
    isa: Isa,
}

/// What is to be computed: the loss at origin + x first + y second for every place.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    /// All parameters of the network, statistics too.
    pub origin: &'a [f32],
    /// Two directions of the trained parameters, or of all of them; what lies beyond the shorter one stays as it is at the origin.
    pub directions: &'a [Vec<f32>; 2],
    /// x and y of each cell.
    pub places: &'a [[f64; 2]],
}

/// Loss and gradient at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    /// The loss.
    pub loss: f64,
    /// Its derivative by every trained parameter.
    pub gradient: Vec<f64>,
}

impl Slope {
    /// Euclidean norm of the gradient.
    pub fn norm(&self) -> f64 {
        self.gradient.iter().map(|g| g * g).sum::<f64>().sqrt()
    }

    /// The change of the loss per unit of a direction.
    pub fn along(&self, direction: &[f32]) -> f64 {
        let terms = self.gradient.iter().zip(direction);
        terms.map(|(g, &d)| g * f64::from(d)).sum()
    }
}

impl Ground {
    /// The ground of a resolved spec, on at most `n_samples` of its training rows, drawn by `seed`.
    ///
    /// # Errors
    /// When the spec is not resolved, is that of a perceptron, or does not fit the data.
    pub fn new(
        spec: &Spec,
        dataset: &Dataset,
        train: &[u32],
        n_samples: usize,
        seed: u64,
        isa: Isa,
    ) -> Result<Ground, EngineError> {
        let labels = Rows::gather(dataset, train, false).labels;
        let counts = class_counts(&dataset.targets, &labels);
        let recipe = Recipe::of(spec, &counts, train.len())?;
        let network =
            crate::weights::network(spec, dataset.sample_shape, dataset.targets.outcome())?;
        let order = Stream::new(seed, Purpose::Probe, 8).permutation(train.len());
        let mut drawn: Vec<u32> = order
            .iter()
            .take(n_samples)
            .map(|&place| train[place as usize])
            .collect();
        drawn.sort_unstable();
        let binary = matches!(recipe.loss, Loss::BinaryCrossEntropy(_));
        Ok(Ground {
            network,
            loss: recipe.loss,
            rows: Rows::gather(dataset, &drawn, binary),
            isa,
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Rows that losses are means over.
    pub fn n_samples(&self) -> usize {
        self.rows.n_rows
    }

    /// All parameters in a checkpoint of this network.
    ///
    /// # Errors
    /// When it is damaged or of another network.
    pub fn parameters(&self, checkpoint: &[u8]) -> Result<Vec<f32>, EngineError> {
        let mut reader = Reader::open(checkpoint, Kind::Network)?;
        Ok(reader.exactly(self.network.n_parameters(), "the network")?)
    }

    /// The loss of each cell, by `n_threads`. `watch` is called before each cell with the number of those begun; when it answers
    /// `false`, nothing more is begun and the answer is `None`.
    ///
    /// # Errors
    /// When the values cannot be held in memory.
    ///
    /// # Panics
    /// When a slice does not have the network's length.
    pub fn losses(
        &self,
        cells: Cells<'_>,
        n_threads: usize,
        watch: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Option<Vec<f64>>, EngineError> {
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || -> Result<Vec<(usize, f64)>, PlanError> {
            let mut walker = Walker::new(self, cells)?;
            let mut found = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let idx = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = cells.places.get(idx) else {
                    break;
                };
                if !watch(idx) {
                    stopped.store(true, Ordering::Relaxed);
                    break;
                }
                found.push((idx, walker.loss(*place)));
            }
            Ok(found)
        };
        let n_helpers = n_threads.clamp(1, cells.places.len().max(1)) - 1;
        let parts = std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..n_helpers).map(|_| scope.spawn(work)).collect();
            let mut parts = vec![work()];
            for helper in helpers {
                match helper.join() {
                    Ok(part) => parts.push(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            parts
        });
        if stopped.into_inner() {
            return Ok(None);
        }
        let mut losses = vec![f64::NAN; cells.places.len()];
        for part in parts {
            part?.into_iter().for_each(|(idx, loss)| losses[idx] = loss);
        }
        Ok(Some(losses))
    }

    /// Loss and gradient at each of the places, which are given as all parameters of the network.
    ///
    /// # Errors
    /// When the values cannot be held in memory.
    pub fn slopes<'a>(
        &self,
        places: impl Iterator<Item = &'a [f32]>,
        n_threads: usize,
        mut take: impl FnMut(Slope),
    ) -> Result<(), EngineError> {
        let cpu = Cpu {
            isa: self.isa,
            threads: n_threads,
        };
        let rows = &self.rows;
        let piece = PIECE.min(rows.n_rows).max(1);
        let mut plan = GradientPlan::<f32>::compile(&self.network, &self.loss, piece, cpu)?;
        for parameters in places {
            let mut gradient = vec![0.0; self.network.n_trained()];
            let loss = plan.gradient(parameters, &rows.features, rows.targets(), &mut gradient);
            take(Slope { loss, gradient });
        }
        Ok(())
    }
}

/// One thread's way over the cells.
struct Walker<'g> {
    ground: &'g Ground,
    cells: Cells<'g>,
    plan: EvaluationPlan<f32>,
    parameters: Parameters<f32>,
    outputs: Vec<f32>,
}

impl<'g> Walker<'g> {
    fn new(ground: &'g Ground, cells: Cells<'g>) -> Result<Self, PlanError> {
        let Ground {
            network,
            loss,
            rows,
            isa,
        } = ground;
        let cpu = Cpu {
            isa: *isa,
            threads: 1,
        };
        let piece = PIECE.min(rows.n_rows).max(1);
        Ok(Walker {
            plan: EvaluationPlan::compile(network, loss, piece, cpu)?,
            parameters: Parameters {
                values: cells.origin.into(),
            },
            outputs: vec![0.0; rows.n_rows * network.n_outputs()],
            ground,
            cells,
        })
    }

    fn loss(&mut self, [x, y]: [f64; 2]) -> f64 {
        let [first, second] = self.cells.directions;
        let moved = &mut self.parameters.values;
        shift(
            self.ground.isa,
            moved,
            self.cells.origin,
            first,
            x,
            second,
            y,
        );
        let rows = &self.ground.rows;
        self.plan.evaluate(
            &self.parameters,
            &rows.features,
            rows.targets(),
            &mut self.outputs,
        )
    }
}

kernel! {
    /// out = origin + x first + y second, in double precision, rounded once at the end.
    fn shift[](out: &mut [f32], origin: &[f32], first: &[f32], x: f64, second: &[f32], y: f64) {
        let terms = origin.iter().zip(first).zip(second);
        for (out, ((&o, &a), &b)) in out.iter_mut().zip(terms) {
            *out = (f64::from(o) + x * f64::from(a) + y * f64::from(b)) as f32;
        }
    }
}
