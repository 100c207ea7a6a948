//! y_i = x_i / (1 - r) with probability 1 - r, else 0 (Srivastava et al. 2014). r is the rate.
//!
//! Whether element i is kept is a function of (seed, step, position of the layer, i). So the derivative draws the same
//! numbers again instead of keeping a mask, and nothing changes with the number of threads.

use super::{Context, Derivation, Matrix, Rule, alike};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::rng::{Purpose, Stream};

/// Sets random numbers to zero and scales the others, so that the mean stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drop {
    /// Probability of becoming zero, from 0 to below 1.
    pub rate: f64,
    /// Position of the layer in the network, so that two layers drop different elements.
    pub position: u16,
}

impl Rule for Drop {
    const NAME: &'static str = "drop";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 1)
    }

    /// dx_i = dy_i / (1 - r) where x_i was kept, else 0: the same op on the gradient.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(*self, &[at.gradient])
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        _inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let stream = Stream::new(
            context.key.seed,
            Purpose::Dropout(self.position),
            context.key.step,
        );
        drop(context.isa, out, &stream, self.rate, first as u64);
    }
}

kernel! {
    /// Drops elements, of which the first is number `first` of the whole.
    pub(super) fn drop[T: Real](values: &mut [T], stream: &Stream, rate: f64, first: u64) {
        // An element is kept when its word is at least this; the rate is rounded to a multiple of 2^-32.
        let threshold = (rate * 4_294_967_296.0) as u32;
        let scale = T::from_f64(1.0 / (1.0 - rate));
        let mut index = first;
        let mut rest = values;
        // Up to the next multiple of four, where a block of words begins.
        while !index.is_multiple_of(4) && !rest.is_empty() {
            let (value, others) = rest.split_at_mut(1);
            value[0] = if stream.word(index) < threshold { T::ZERO } else { value[0] * scale };
            rest = others;
            index += 1;
        }
        for (block, four) in rest.chunks_mut(4).enumerate() {
            let words = stream.block((index / 4) as u32 + block as u32);
            for (value, word) in four.iter_mut().zip(words) {
                *value = if word < threshold { T::ZERO } else { *value * scale };
            }
        }
    }
}
