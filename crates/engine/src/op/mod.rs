//! Ops: the few computations that carry every layer and loss.
//!
//! One op, one file, and everything about it stands there: formula, shape rule, value kernel and derivative rule. A
//! derivative rule adds nodes to the graph; where it needs a kernel of its own, that is the op's `...Gradient`, in the
//! same file. This is the only place that lists all ops.
//!
//! An *element-wise* op changes its first input in place, row by row, so that a plan can append it to whatever
//! computed that input.

mod activate;
mod add;
mod add_row;
mod attend;
mod average_pool;
mod batch_norm;
mod binary_cross_entropy;
mod blocks;
mod column_sum;
mod concat;
mod contrastive;
mod convolve;
mod cross_entropy;
mod drop;
mod exponential;
mod gather;
mod hinge;
mod huber;
mod kl;
mod label_weight;
mod layer_norm;
mod local_response_norm;
mod mae;
mod matmul;
mod max_pool;
mod moments;
mod mse;
mod poisson;
mod quantile;
mod recur;
mod reshape;
mod slice;
mod softmax;
mod upsample;
mod window;

pub use activate::{Activate, ActivateGradient, Function};
pub use add::Add;
pub use add_row::AddRow;
pub use attend::{Attend, AttendGradient};
pub use average_pool::{AveragePool, AveragePoolGradient};
pub use batch_norm::{BatchNorm, BatchNormGradient, BatchNormSums, BatchNormTerms};
pub use binary_cross_entropy::{BinaryCrossEntropy, BinaryCrossEntropyGradient};
pub use blocks::SumOfBlocks;
pub use column_sum::{BlockSum, ColumnSum};
pub use concat::Concat;
pub use contrastive::{Contrastive, ContrastiveGradient};
pub use convolve::{Convolve, ConvolveInput, ConvolveWeight};
pub use cross_entropy::{CrossEntropy, CrossEntropyGradient};
pub use drop::Drop;
pub(crate) use exponential::exponential;
pub use exponential::{Exponential, ExponentialGradient};
pub use gather::{Gather, GatherGradient, Index};
pub use hinge::{Hinge, HingeGradient};
pub use huber::{Huber, HuberGradient};
pub use kl::{Kl, KlGradient};
pub use label_weight::LabelWeight;
pub use layer_norm::{LayerNorm, LayerNormGradient, LayerNormSums};
pub use local_response_norm::{LocalResponseNorm, LocalResponseNormGradient};
pub use mae::{Mae, MaeGradient};
pub use matmul::MatMul;
pub use max_pool::{MaxPool, MaxPoolGradient};
pub use moments::{InverseDeviation, JoinMoments, Moment, Moments, RunningMoment};
pub use mse::{Mse, MseGradient};
pub use poisson::{Poisson, PoissonGradient};
pub use quantile::{Quantile, QuantileGradient};
pub use recur::{Cell, Recur, RecurGradient};
pub use reshape::Reshape;
pub use slice::{Scatter, Slice};
pub(crate) use softmax::softmax_in_place;
pub use softmax::{Softmax, SoftmaxGradient};
pub use upsample::{Upsample, UpsampleGradient};
pub use window::Window;

use crate::aligned::{Buffer, Wanted};
use crate::convolution::{ConvolutionScratch, Pieces};
use crate::element::Real;
use crate::gemm::{Panels, Product};
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::Isa;
use crate::onnx::{NotExported, Value, Writing};

/// The identity of a step: with it, every random number of the step is determined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepKey {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the step, counted over the whole run.
    pub step: u64,
}

/// Most inputs of an op.
pub(crate) const MAX_INPUTS: usize = 5;

/// What a kernel may know besides its matrices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Vector instructions to use.
    pub(crate) isa: Isa,
    /// The class of each row; empty when the batch has values for targets.
    pub(crate) labels: &'a [u32],
    /// Determines the random numbers.
    pub(crate) key: StepKey,
    /// The second factor is held in packed order, see [`crate::gemm::packed`].
    pub(crate) packed: bool,
}

/// A matrix as a kernel reads it, row-major. Labels, which are not of type T, show as a matrix without values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, T> {
    /// `rows * cols` numbers.
    pub(crate) values: &'a [T],
    /// Number of columns.
    pub(crate) cols: usize,
}

impl<T> Matrix<'_, T> {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.cols.max(1)
    }
}

/// What a derivative rule is asked: the gradient of one input, given the gradient of the output.
#[derive(Clone, Copy, Debug)]
pub struct Derivation<'a> {
    /// The op's inputs.
    pub inputs: &'a [NodeId],
    /// The op's output.
    pub output: NodeId,
    /// Gradient of the output, of its shape.
    pub gradient: NodeId,
    /// The input whose gradient is wanted.
    pub input_idx: usize,
}

/// How the work of an op may be divided among threads. No division changes a bit of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// It is one thread's work.
    Never,
    /// A sample's output depends on that sample alone: inputs with rows per sample are cut to the part's samples.
    Samples,
    /// Any rows of the output can be computed from the whole inputs.
    Rows,
    /// As `Rows`; and of an output of a single row, any part.
    RowsOrPartOfOne,
}

impl Split {
    /// Whether parts are rows of the output, each computed from the whole inputs.
    pub(crate) fn by_rows(self) -> bool {
        matches!(self, Split::Rows | Split::RowsOrPartOfOne)
    }
}

/// Memory that an op may use while it runs, one for each thread. Ops say before the first step how much they need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch<T> {
    /// Packing buffers of matrix products.
    pub(crate) panels: Panels<T>,
    /// Buffers of convolutions.
    pub(crate) convolution: ConvolutionScratch<T>,
    /// Numbers for anything else.
    pub(crate) numbers: Buffer<T>,
}

impl<T: Real> Scratch<T> {
    /// What ops asked for, taken.
    pub(crate) fn allocated(mut self) -> Scratch<T> {
        self.each(&mut |buffer| buffer.allocate());
        self
    }

    /// Bytes of what ops asked for.
    pub(crate) fn bytes(&mut self) -> u64 {
        let mut bytes = 0;
        self.each(&mut |buffer| bytes += buffer.bytes());
        bytes
    }

    fn each(&mut self, visit: &mut impl FnMut(&mut dyn Wanted)) {
        visit(&mut self.numbers);
        self.panels.each(visit);
        self.convolution.each(visit);
    }

    /// Asks for room for a matrix product.
    pub(crate) fn reserve_product(&mut self, isa: Isa, product: Product) {
        self.panels.reserve(isa, product);
    }

    /// Asks for room for `n` numbers.
    pub(crate) fn reserve_numbers(&mut self, n: usize) {
        self.numbers.want(n);
    }
}

/// What every op knows about itself.
pub(crate) trait Rule {
    /// Name in messages and plans.
    const NAME: &'static str;

    /// Whether the op changes its first input in place, row by row.
    const ELEMENT_WISE: bool = false;

    /// Whether derivatives stop here: whoever reads the output counts in its own rule what it owes to the inputs.
    const DETACHED: bool = false;

    /// How its work may be divided. An element-wise op can always be cut anywhere between two rows.
    const SPLIT: Split = Split::Never;

    /// Shape of the output, or why the inputs do not fit.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError>;

    /// Adds the gradient of input `at.input_idx` to the graph.
    fn derive(&self, _graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        Err(GraphError::NoDerivative {
            op: Self::NAME,
            input_idx: at.input_idx,
        })
    }

    /// The op in ONNX: adds operators that compute its output. An op that has no samples in its output needs none, because
    /// constants are computed when they are written; the ops of training alone have none.
    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        at.refuse("it belongs to training alone")
    }

    /// Multiplications of the matrix products or convolutions it makes of a batch of `batch_rows`.
    fn n_multiplications(&self, _inputs: &[Shape], _batch_rows: usize) -> u128 {
        0
    }

    /// Asks for room for what [`Rule::run_in`] uses, for batches of up to `batch_rows`.
    fn reserve<T: Real>(
        &self,
        _scratch: &mut Scratch<T>,
        _isa: Isa,
        _inputs: &[Shape],
        _batch_rows: usize,
    ) {
    }

    /// What [`Rule::prepare`] computes before the op runs, once for all threads.
    fn pieces<T: Real>(&self, _isa: Isa) -> Pieces {
        Pieces::default()
    }

    /// Computes some pieces, those of number `first` and after it, from the whole inputs.
    fn prepare<T: Real>(
        &self,
        _pieces: &mut [T],
        _inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
        _scratch: &mut Scratch<T>,
    ) {
    }

    /// Computes the output. An op that needs no memory implements this one, the others [`Rule::run_in`].
    ///
    /// An element-wise op finds its first input in `out` and the others in `inputs`, all cut to a block of rows whose
    /// first element is number `first` of the whole. Any other op overwrites all of `out`; where its work is divided
    /// ([`Rule::SPLIT`]), `out` begins at element `first` of the whole.
    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let shape = |matrix: &Matrix<'_, T>| Shape::fixed(matrix.rows(), matrix.cols);
        let shapes: Vec<Shape> = inputs.iter().map(shape).collect();
        let mut scratch = Scratch::default();
        self.reserve(&mut scratch, context.isa, &shapes, 1);
        self.run_in(out, inputs, first, context, &mut scratch.allocated());
    }

    /// As [`Rule::run`], with memory that [`Rule::reserve`] asked for, and all of [`Rule::pieces`] behind the inputs.
    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        _scratch: &mut Scratch<T>,
    ) {
        self.run(out, inputs, first, context);
    }
}

/// Writes the enum of all ops and its dispatch, so that an op is listed once.
macro_rules! ops {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        /// Any op.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            $($(#[$meta])* $name($name)),*
        }

        $(impl From<$name> for Op {
            fn from(op: $name) -> Op {
                Op::$name(op)
            }
        })*

        impl Op {
            /// The names of all ops, for tests that must have a row for each.
            pub const NAMES: &[&str] = &[$(<$name as Rule>::NAME),*];

            /// Name in messages and plans.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Op::$name(_) => <$name as Rule>::NAME),*
                }
            }

            /// Whether the op changes its first input in place, row by row.
            pub fn element_wise(&self) -> bool {
                match self {
                    $(Op::$name(_) => <$name as Rule>::ELEMENT_WISE),*
                }
            }

            /// Whether derivatives stop here.
            pub fn detached(&self) -> bool {
                match self {
                    $(Op::$name(_) => <$name as Rule>::DETACHED),*
                }
            }

            /// How its work may be divided.
            pub fn split(&self) -> Split {
                match self {
                    $(Op::$name(_) => <$name as Rule>::SPLIT),*
                }
            }

            /// Multiplications of its matrix products or convolutions for a batch of `batch_rows`.
            pub fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
                match self {
                    $(Op::$name(op) => op.n_multiplications(inputs, batch_rows)),*
                }
            }

            /// Shape of the output, or why the inputs do not fit.
            pub fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
                match self {
                    $(Op::$name(op) => op.shape(inputs)),*
                }
            }

            /// Adds the gradient of input `at.input_idx` to the graph.
            pub fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
                match self {
                    $(Op::$name(op) => op.derive(graph, at)),*
                }
            }

            /// Adds the operators of ONNX that compute its output.
            pub(crate) fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
                match self {
                    $(Op::$name(op) => op.onnx(at)),*
                }
            }

            pub(crate) fn reserve<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa, inputs: &[Shape], batch_rows: usize) {
                match self {
                    $(Op::$name(op) => op.reserve(scratch, isa, inputs, batch_rows)),*
                }
            }

            pub(crate) fn pieces<T: Real>(&self, isa: Isa) -> Pieces {
                match self {
                    $(Op::$name(op) => op.pieces::<T>(isa)),*
                }
            }

            pub(crate) fn prepare<T: Real>(
                &self,
                pieces: &mut [T],
                inputs: &[Matrix<'_, T>],
                first: usize,
                context: Context<'_>,
                scratch: &mut Scratch<T>,
            ) {
                match self {
                    $(Op::$name(op) => op.prepare(pieces, inputs, first, context, scratch)),*
                }
            }

            #[inline]
            pub(crate) fn run_in<T: Real>(
                &self,
                out: &mut [T],
                inputs: &[Matrix<'_, T>],
                first: usize,
                context: Context<'_>,
                scratch: &mut Scratch<T>,
            ) {
                match self {
                    $(Op::$name(op) => op.run_in(out, inputs, first, context, scratch)),*
                }
            }

            #[inline]
            pub(crate) fn run<T: Real>(&self, out: &mut [T], inputs: &[Matrix<'_, T>], first: usize, context: Context<'_>) {
                match self {
                    $(Op::$name(op) => op.run(out, inputs, first, context)),*
                }
            }
        }
    };
}

ops! {
    /// Matrix product.
    MatMul,
    /// Convolution of images.
    Convolve,
    /// Derivative of [`Convolve`] by its input; the transposed convolution.
    ConvolveInput,
    /// Derivative of [`Convolve`] by its weights.
    ConvolveWeight,
    /// The same numbers in other rows.
    Reshape,
    /// Pieces of each sample.
    Slice,
    /// Derivative of [`Slice`]: pieces among zeros.
    Scatter,
    /// A recurrent layer over all steps.
    Recur,
    /// Derivative of [`Recur`] by what goes into its gates.
    RecurGradient,
    /// Scaled dot-product attention.
    Attend,
    /// Derivative of [`Attend`].
    AttendGradient,
    /// A number as a row of a table.
    Index,
    /// Rows of a table.
    Gather,
    /// Derivative of [`Gather`] by its table.
    GatherGradient,
    /// Columns of several matrices beside each other.
    Concat,
    /// Sum of two matrices.
    Add,
    /// Adds one row to every row.
    AddRow,
    /// Sum of all rows.
    ColumnSum,
    /// Sums of blocks of rows.
    BlockSum,
    /// A function of each number.
    Activate,
    /// Derivative of [`Activate`].
    ActivateGradient,
    /// Sets random numbers to zero.
    Drop,
    /// Probabilities of each row.
    Softmax,
    /// Derivative of [`Softmax`].
    SoftmaxGradient,
    /// Sum of the weights of the rows' classes.
    LabelWeight,
    /// Mean negative logarithm of the class's probability.
    CrossEntropy,
    /// Derivative of [`CrossEntropy`].
    CrossEntropyGradient,
    /// Mean negative logarithm of the probability of yes or no.
    BinaryCrossEntropy,
    /// Derivative of [`BinaryCrossEntropy`].
    BinaryCrossEntropyGradient,
    /// Mean squared error.
    Mse,
    /// Derivative of [`Mse`].
    MseGradient,
    /// Mean absolute error.
    Mae,
    /// Derivative of [`Mae`].
    MaeGradient,
    /// Mean of the Huber function.
    Huber,
    /// Derivative of [`Huber`].
    HuberGradient,
    /// e to the power of each number.
    Exponential,
    /// Derivative of [`Exponential`].
    ExponentialGradient,
    /// Mean by which classes are too near the right one.
    Hinge,
    /// Derivative of [`Hinge`].
    HingeGradient,
    /// Largest number under a window.
    MaxPool,
    /// Derivative of [`MaxPool`].
    MaxPoolGradient,
    /// Mean under a window.
    AveragePool,
    /// Derivative of [`AveragePool`].
    AveragePoolGradient,
    /// A larger image.
    Upsample,
    /// Derivative of [`Upsample`].
    UpsampleGradient,
    /// Mean and squares of each column, in blocks of rows.
    Moments,
    /// A moment of each column, from those of the blocks.
    JoinMoments,
    /// What makes a variance 1.
    InverseDeviation,
    /// A running average of a moment.
    RunningMoment,
    /// Sum of what the blocks of rows hold for each column.
    SumOfBlocks,
    /// Each column shifted and scaled.
    BatchNorm,
    /// Sums that the derivatives of [`BatchNorm`] are made of.
    BatchNormSums,
    /// What the derivative of [`BatchNorm`] by its matrix is made of.
    BatchNormTerms,
    /// Derivative of [`BatchNorm`] by its matrix.
    BatchNormGradient,
    /// Each row shifted and scaled to mean 0 and variance 1.
    LayerNorm,
    /// Derivative of [`LayerNorm`] by its matrix.
    LayerNormGradient,
    /// Sums that the derivatives of [`LayerNorm`] are made of.
    LayerNormSums,
    /// Each channel divided by the size of its neighbours.
    LocalResponseNorm,
    /// Derivative of [`LocalResponseNorm`].
    LocalResponseNormGradient,
    /// Mean of the pinball function.
    Quantile,
    /// Derivative of [`Quantile`].
    QuantileGradient,
    /// Half the mean Poisson deviance.
    Poisson,
    /// Derivative of [`Poisson`].
    PoissonGradient,
    /// Mean divergence of the softmax from shares.
    Kl,
    /// Derivative of [`Kl`].
    KlGradient,
    /// Mean over pairs of rows: near in one class, apart in two.
    Contrastive,
    /// Derivative of [`Contrastive`].
    ContrastiveGradient,
}

/// The error of a shape rule.
pub(crate) fn misfit(op: &'static str, inputs: &[Shape], wanted: &'static str) -> GraphError {
    let got: Vec<String> = inputs.iter().map(Shape::to_string).collect();
    GraphError::Shape {
        op,
        got: got.join(" and "),
        wanted,
    }
}

/// The shape rule of ops that want all inputs alike and answer that shape.
pub(crate) fn alike(
    op: &'static str,
    inputs: &[Shape],
    n_inputs: usize,
) -> Result<Shape, GraphError> {
    match inputs {
        [first, rest @ ..]
            if inputs.len() == n_inputs && rest.iter().all(|shape| shape == first) =>
        {
            Ok(*first)
        }
        _ => Err(misfit(op, inputs, "its inputs have the same shape")),
    }
}

/// The shape rule of losses on values: outputs and targets alike, the result a scalar.
pub(crate) fn loss_on_values(op: &'static str, inputs: &[Shape]) -> Result<Shape, GraphError> {
    alike(op, inputs, 2).map(|_| Shape::SCALAR)
}

/// The shape rule of their gradients: outputs, targets and the scalar gradient of the loss; the result like the outputs.
pub(crate) fn gradient_on_values(op: &'static str, inputs: &[Shape]) -> Result<Shape, GraphError> {
    match inputs {
        [output, targets, Shape::SCALAR] if output == targets => Ok(*output),
        _ => Err(misfit(
            op,
            inputs,
            "it takes outputs, targets of the same shape, and a scalar",
        )),
    }
}
