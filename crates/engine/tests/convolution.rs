//! Convolution and its gradients against the definition in f64, and their bits over splits.

mod rounding;

use descent_engine::convolution::{Convolution, ConvolutionScratch, Map, Pieces};
use descent_engine::isa::Isa;
use descent_engine::precision::Precision;
use descent_engine::rng::{Purpose, Stream};
use proptest::prelude::*;
use rounding::bf16;

fn noise(n: usize, step: u64) -> Vec<f32> {
    let stream = Stream::new(6, Purpose::Probe, step);
    (0..n as u64)
        .map(|index| stream.normal(index) as f32)
        .collect()
}

/// Every instruction set this machine has, with operands rounded to bfloat16.
fn rounding() -> impl Iterator<Item = Isa> {
    Isa::all().map(|isa| isa.with_precision(Precision::Bf16))
}

/// Calls `product(x index, w index, y index)` for each multiplication of the definition.
fn each_product(
    convolution: &Convolution,
    n_samples: usize,
    mut product: impl FnMut(usize, usize, usize),
) {
    let c = convolution;
    let (rows, cols) = c.output().expect("the kernel fits");
    let (group_channels, group_filters) = (c.channels / c.groups, c.filters / c.groups);
    let at = |out: usize, k: usize, axis: usize, size: usize| {
        (out * c.stride[axis] + k * c.dilation[axis])
            .checked_sub(c.padding[axis])
            .filter(|&place| place < size)
    };
    for (sample, oy, ox) in triples(n_samples, rows, cols) {
        for (ky, kx, f) in triples(c.kernel[0], c.kernel[1], c.filters) {
            let (Some(iy), Some(ix)) = (at(oy, ky, 0, c.height), at(ox, kx, 1, c.width)) else {
                continue;
            };
            let y = ((sample * rows + oy) * cols + ox) * c.filters + f;
            for channel in 0..group_channels {
                let place = (ky * c.kernel[1] + kx) * group_channels + channel;
                let in_channel = f / group_filters * group_channels + channel;
                let x = ((sample * c.height + iy) * c.width + ix) * c.channels + in_channel;
                product(x, place * c.filters + f, y);
            }
        }
    }
}

fn triples(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

/// A sum in f64, the sum of the absolute products beside it, and how many there are.
#[derive(Clone, Copy, Default)]
struct Exact {
    sum: f64,
    size: f64,
    n: f64,
}

impl Exact {
    fn add(&mut self, a: f32, b: f32) {
        let product = f64::from(a) * f64::from(b);
        self.sum += product;
        self.size += product.abs();
        self.n += 1.0;
    }
}

fn agree(got: &[f32], exact: &[Exact]) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), exact.len());
    for (idx, (&got, exact)) in got.iter().zip(exact).enumerate() {
        let error = (f64::from(got) - exact.sum).abs();
        let bound = 1e-6 * exact.size * exact.n.sqrt();
        prop_assert!(error <= bound, "element {}: {} for {}", idx, got, exact.sum);
    }
    Ok(())
}

/// Inputs of all three passes, for some samples of a convolution.
struct Case {
    convolution: Convolution,
    n_samples: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new(convolution: Convolution, n_samples: usize) -> Case {
        Case {
            convolution,
            n_samples,
            x: noise(n_samples * convolution.n_inputs(), 0),
            w: noise(convolution.weight_rows() * convolution.filters, 1),
            dy: noise(n_samples * convolution.n_outputs(), 2),
        }
    }

    /// The case with operands that were rounded before.
    fn rounded(&self) -> Case {
        let rounded = |numbers: &[f32]| numbers.iter().copied().map(bf16).collect();
        Case {
            x: rounded(&self.x),
            w: rounded(&self.w),
            dy: rounded(&self.dy),
            ..*self
        }
    }

    /// y, dx and dW as defined.
    fn exact(&self) -> [Vec<Exact>; 3] {
        let mut y = vec![Exact::default(); self.dy.len()];
        let mut dx = vec![Exact::default(); self.x.len()];
        let mut dw = vec![Exact::default(); self.w.len()];
        each_product(&self.convolution, self.n_samples, |i, j, k| {
            y[k].add(self.x[i], self.w[j]);
            dx[i].add(self.dy[k], self.w[j]);
            dw[j].add(self.x[i], self.dy[k]);
        });
        [y, dx, dw]
    }

    /// All pieces of a map, so many together. The scratch comes from other work.
    fn pieces(
        &self,
        isa: Isa,
        map: Map,
        pieces_per_call: usize,
        scratch: &mut ConvolutionScratch<f32>,
    ) -> Vec<f32> {
        let factors = match map {
            Map::Forward => [&self.x[..], &self.w],
            Map::InputGradient => [&self.dy[..], &self.w],
            Map::WeightGradient => [&self.x[..], &self.dy],
        };
        let Pieces { n, len } = self.convolution.pieces::<f32>(isa, map);
        let mut pieces = vec![f32::NAN; n * len];
        let calls = pieces.chunks_mut((pieces_per_call * len).max(1));
        for (call, pieces) in calls.enumerate() {
            let first = call * pieces_per_call;
            self.convolution
                .prepare(isa, map, factors, pieces, first, scratch);
        }
        pieces
    }

    /// y, dx and dW, in parts of some samples and some rows of W, and of as many pieces as samples.
    fn run(&self, isa: Isa, samples_per_call: usize, rows_per_call: usize) -> [Vec<f32>; 3] {
        let c = &self.convolution;
        let mut scratch = ConvolutionScratch::new(isa, [*c]);
        let mut y = vec![f32::NAN; self.dy.len()];
        let mut dx = vec![f32::NAN; self.x.len()];
        let mut dw = vec![f32::NAN; self.w.len()];
        let (inputs, outputs) = (
            samples_per_call * c.n_inputs(),
            samples_per_call * c.n_outputs(),
        );
        let pieces = self.pieces(isa, Map::Forward, samples_per_call, &mut scratch);
        for (x, y) in self.x.chunks(inputs).zip(y.chunks_mut(outputs)) {
            c.forward(isa, [x, &self.w, &pieces], y, &mut scratch);
        }
        let pieces = self.pieces(isa, Map::InputGradient, samples_per_call, &mut scratch);
        for (dy, dx) in self.dy.chunks(outputs).zip(dx.chunks_mut(inputs)) {
            c.input_gradient(isa, [dy, &self.w, &pieces], dx, &mut scratch);
        }
        let pieces = self.pieces(isa, Map::WeightGradient, samples_per_call, &mut scratch);
        for (call, dw) in dw.chunks_mut(rows_per_call * c.filters).enumerate() {
            let factors = [&self.x[..], &self.dy, &pieces];
            c.weight_gradient(isa, factors, dw, call * rows_per_call, &mut scratch);
        }
        [y, dx, dw]
    }
}

/// Small geometries with every option, among them kernels that reach over both borders.
fn geometries() -> impl Strategy<Value = Convolution> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    let sizes = (
        1..12_usize,
        1..14_usize,
        1..6_usize,
        1..24_usize,
        1..4_usize,
    );
    let steps = (pair(1..5), pair(1..4), pair(0..4), pair(1..4));
    (sizes, steps)
        .prop_map(
            |((height, width, channels, filters, groups), steps)| Convolution {
                height,
                width,
                channels: channels * groups,
                filters: filters * groups,
                kernel: steps.0,
                stride: steps.1,
                padding: steps.2,
                dilation: steps.3,
                groups,
            },
        )
        .prop_filter("the kernel fits", |convolution| {
            convolution.output().is_some()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn the_three_passes_are_what_they_are_defined_to_be(convolution in geometries(), n_samples in 1..5_usize) {
        let case = Case::new(convolution, n_samples);
        let exact = case.exact();
        for isa in Isa::all() {
            for (got, exact) in case.run(isa, n_samples, convolution.weight_rows()).iter().zip(&exact) {
                agree(got, exact)?;
            }
        }
    }

    #[test]
    fn splitting_samples_or_rows_changes_no_bit(
        convolution in geometries(), n_samples in 2..6_usize, samples in 1..4_usize, rows in 1..9_usize,
    ) {
        let case = Case::new(convolution, n_samples);
        for isa in Isa::all() {
            let whole = case.run(isa, n_samples, convolution.weight_rows());
            prop_assert_eq!(whole, case.run(isa, samples, rows));
        }
    }
}

/// Small geometries that are computed with fewer multiplications: 3 x 3 and 5 x 5, with tiles over every edge.
fn minimal_geometries() -> impl Strategy<Value = Convolution> {
    let sizes = (6..13_usize, 6..15_usize, 16..40_usize, 16..50_usize);
    let steps = (
        prop_oneof![Just(3_usize), Just(5)],
        [0..5_usize, 0..5_usize],
    );
    (sizes, steps)
        .prop_map(
            |((height, width, channels, filters), (kernel, padding))| Convolution {
                height,
                width,
                channels,
                filters,
                kernel: [kernel; 2],
                stride: [1, 1],
                padding: padding.map(|padding| padding.min(kernel - 1)),
                dilation: [1, 1],
                groups: 1,
            },
        )
        .prop_filter("fewer multiplications", |convolution| {
            is_minimal(Isa::PORTABLE, convolution)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fewer_multiplications_give_the_same_three_maps(convolution in minimal_geometries(), n_samples in 1..4_usize) {
        let case = Case::new(convolution, n_samples);
        let exact = case.exact();
        for isa in Isa::all() {
            for (got, exact) in case.run(isa, n_samples, convolution.weight_rows()).iter().zip(&exact) {
                agree(got, exact)?;
                within_a_hundred_thousandth(got, exact)?;
            }
        }
    }

    #[test]
    fn splitting_them_changes_no_bit(
        convolution in minimal_geometries(), n_samples in 2..6_usize, samples in 1..4_usize, rows in 1..99_usize,
    ) {
        let case = Case::new(convolution, n_samples);
        for isa in Isa::all() {
            let whole = case.run(isa, n_samples, convolution.weight_rows());
            prop_assert_eq!(whole, case.run(isa, samples, rows));
        }
    }
}

/// Root mean square and largest error, as parts of the root mean square of the results.
fn errors(got: &[f32], exact: &[Exact]) -> [f64; 2] {
    let mean =
        |squares: &mut dyn Iterator<Item = f64>| (squares.sum::<f64>() / exact.len() as f64).sqrt();
    let size = mean(&mut exact.iter().map(|exact| exact.sum * exact.sum));
    let errors = got.iter().zip(exact);
    let errors: Vec<f64> = errors
        .map(|(&got, exact)| (f64::from(got) - exact.sum).abs() / size)
        .collect();
    let largest = errors.iter().copied().fold(0.0, f64::max);
    [mean(&mut errors.iter().map(|error| error * error)), largest]
}

/// Whether it is computed with fewer multiplications: a piece for each position of a tile, where a direct convolution has one.
fn is_minimal(isa: Isa, convolution: &Convolution) -> bool {
    convolution.pieces::<f32>(isa, Map::Forward).n >= 16
}

/// In bf16 results are those of rounded operands. With fewer multiplications numbers are rounded after they were transformed, which
/// costs 1.7 times the error of 2^-9 in each operand; few numbers may have more of it by chance, and a single one much more.
fn agree_rounded(
    isa: Isa,
    convolution: &Convolution,
    got: &[f32],
    [exact, of_rounded]: [&[Exact]; 2],
) -> Result<(), TestCaseError> {
    if !is_minimal(isa, convolution) {
        return agree(got, of_rounded);
    }
    let [mean, largest] = errors_beside_direct(got, exact, of_rounded);
    prop_assert!(mean <= 2.2, "{mean}");
    prop_assert!(largest <= 24.0, "{largest}");
    Ok(())
}

/// The root mean square of the errors and the largest of them, both over the root mean square of those of a direct sum.
fn errors_beside_direct(got: &[f32], exact: &[Exact], of_rounded: &[Exact]) -> [f64; 2] {
    let direct: Vec<f32> = of_rounded.iter().map(|exact| exact.sum as f32).collect();
    let [of_direct, _] = errors(&direct, exact);
    errors(got, exact).map(|error| error / of_direct)
}

/// One that is computed with fewer multiplications, of an image as wide as high, whose size it keeps.
fn minimal(kernel: usize, size: usize, [channels, filters]: [usize; 2]) -> Convolution {
    Convolution {
        height: size,
        width: size,
        channels,
        filters,
        kernel: [kernel; 2],
        stride: [1, 1],
        padding: [kernel / 2; 2],
        dilation: [1, 1],
        groups: 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fewer_multiplications_in_bf16_round_little_more(convolution in minimal_geometries(), n_samples in 1..4_usize) {
        let case = Case::new(convolution, n_samples);
        let (exact, of_rounded) = (case.exact(), case.rounded().exact());
        for isa in rounding() {
            prop_assert_eq!(is_minimal(isa, &convolution), isa.name() != "avx512_amx");
            let got = case.run(isa, n_samples, convolution.weight_rows());
            for ((got, exact), of_rounded) in got.iter().zip(&exact).zip(&of_rounded) {
                agree_rounded(isa, &convolution, got, [exact, of_rounded])?;
            }
        }
    }

    #[test]
    fn splitting_them_in_bf16_changes_no_bit(
        convolution in minimal_geometries(), n_samples in 2..6_usize, samples in 1..4_usize, rows in 1..99_usize,
    ) {
        let case = Case::new(convolution, n_samples);
        for isa in rounding() {
            let whole = case.run(isa, n_samples, convolution.weight_rows());
            prop_assert_eq!(whole, case.run(isa, samples, rows));
        }
    }
}

/// Numbers enough that errors have their size: with both factors rounded 1.8 times that of a direct sum, with one of them 1.3 times.
#[test]
fn fewer_multiplications_in_bf16_round_both_factors() {
    for kernel in [3, 5] {
        let convolution = minimal(kernel, 12, [48, 48]);
        let case = Case::new(convolution, 2);
        let (exact, of_rounded) = (case.exact(), case.rounded().exact());
        for isa in rounding().filter(|&isa| is_minimal(isa, &convolution)) {
            let got = case.run(isa, 2, convolution.weight_rows());
            for ((got, exact), of_rounded) in got.iter().zip(&exact).zip(&of_rounded) {
                let [ratio, _] = errors_beside_direct(got, exact, of_rounded);
                assert!((1.5..2.1).contains(&ratio), "{}: {ratio}", isa.name());
            }
        }
    }
}

#[test]
fn errors_stay_small_with_many_channels() {
    for kernel in [3, 5] {
        let case = Case::new(minimal(kernel, 6, [512, 16]), 2);
        let exact = case.exact();
        for isa in Isa::all() {
            for (got, exact) in case.run(isa, 2, 99).iter().zip(&exact) {
                within_a_hundred_thousandth(got, exact).expect("exact enough");
            }
        }
    }
}

/// No error is larger than 1e-5 of the size of the results, their root mean square.
fn within_a_hundred_thousandth(got: &[f32], exact: &[Exact]) -> Result<(), TestCaseError> {
    let squares: f64 = exact.iter().map(|exact| exact.sum * exact.sum).sum();
    let size = (squares / exact.len() as f64).sqrt();
    for (&got, exact) in got.iter().zip(exact) {
        let error = (f64::from(got) - exact.sum).abs() / size;
        prop_assert!(
            error <= 1e-5,
            "{} for {}: {:e} of {}",
            got,
            exact.sum,
            error,
            size
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Of the rounded operands, the passes are as near to the exact sums as those of f32 are.
    #[test]
    fn the_three_passes_in_bf16_are_of_rounded_operands(convolution in geometries(), n_samples in 1..5_usize) {
        let case = Case::new(convolution, n_samples);
        let exact = case.rounded().exact();
        for isa in rounding() {
            for (got, exact) in case.run(isa, n_samples, convolution.weight_rows()).iter().zip(&exact) {
                agree(got, exact)?;
            }
        }
    }

    #[test]
    fn splitting_samples_or_rows_in_bf16_changes_no_bit(
        convolution in geometries(), n_samples in 2..6_usize, samples in 1..4_usize, rows in 1..9_usize,
    ) {
        let case = Case::new(convolution, n_samples);
        for isa in rounding() {
            let whole = case.run(isa, n_samples, convolution.weight_rows());
            prop_assert_eq!(whole, case.run(isa, samples, rows));
        }
    }
}

const LARGER: [Convolution; 5] = [
    // So many filters that dy is copied.
    Convolution {
        height: 4,
        width: 5,
        channels: 9,
        filters: 211,
        kernel: [2, 3],
        stride: [1, 2],
        padding: [1, 0],
        dilation: [1, 1],
        groups: 1,
    },
    // Several blocks of depth, several chunks of samples, a tile over two samples.
    Convolution {
        height: 9,
        width: 9,
        channels: 70,
        filters: 37,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
    },
    // A first layer: few channels, a stride, more pixels than one block has.
    Convolution {
        height: 35,
        width: 37,
        channels: 3,
        filters: 33,
        kernel: [5, 5],
        stride: [2, 2],
        padding: [2, 2],
        dilation: [1, 1],
        groups: 1,
    },
    // One by one, with places that the stride skips.
    Convolution {
        height: 6,
        width: 7,
        channels: 300,
        filters: 5,
        kernel: [1, 1],
        stride: [2, 3],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    },
    // A sequence.
    Convolution {
        height: 1,
        width: 600,
        channels: 4,
        filters: 8,
        kernel: [1, 7],
        stride: [1, 1],
        padding: [0, 6],
        dilation: [1, 2],
        groups: 2,
    },
];

#[test]
fn larger_ones_are_right_and_split_without_a_change() {
    for convolution in LARGER {
        let case = Case::new(convolution, 13);
        let (exact, of_rounded) = (case.exact(), case.rounded().exact());
        for isa in Isa::all().chain(rounding()) {
            let whole = case.run(isa, 13, convolution.weight_rows());
            for ((got, exact), of_rounded) in whole.iter().zip(&exact).zip(&of_rounded) {
                match isa.precision() {
                    Precision::F32 => agree(got, exact),
                    Precision::Bf16 => agree_rounded(isa, &convolution, got, [exact, of_rounded]),
                }
                .expect("as defined");
            }
            assert_eq!(whole, case.run(isa, 4, 10), "{isa:?} {convolution:?}");
        }
    }
}

#[test]
fn one_scratch_serves_several_convolutions() {
    for isa in Isa::all().chain(rounding()) {
        let mut shared = ConvolutionScratch::new(isa, LARGER);
        for convolution in LARGER.into_iter().chain(LARGER) {
            let case = Case::new(convolution, 2);
            let mut y = vec![f32::NAN; case.dy.len()];
            let pieces = case.pieces(isa, Map::Forward, 99, &mut shared);
            convolution.forward(isa, [&case.x, &case.w, &pieces], &mut y, &mut shared);
            assert_eq!(y, case.run(isa, 2, convolution.weight_rows())[0]);
        }
    }
}

#[test]
fn f64_is_as_exact_as_f64_can_be() {
    let minimal = |kernel: usize| Convolution {
        filters: 19,
        channels: 18,
        kernel: [kernel; 2],
        ..LARGER[1]
    };
    for convolution in [LARGER[2], minimal(3), minimal(5)] {
        let case = Case::new(convolution, 3);
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let (x, w, exact) = (wide(&case.x), wide(&case.w), case.exact());
        // Only f32 is ever rounded.
        for isa in Isa::all().chain(rounding()) {
            let mut y = vec![f64::NAN; case.dy.len()];
            let mut scratch = ConvolutionScratch::new(isa, [convolution]);
            let Pieces { n, len } = convolution.pieces::<f64>(isa, Map::Forward);
            let mut pieces = vec![f64::NAN; n * len];
            convolution.prepare(isa, Map::Forward, [&x, &w], &mut pieces, 0, &mut scratch);
            convolution.forward(isa, [&x, &w, &pieces], &mut y, &mut scratch);
            for (y, exact) in y.iter().zip(&exact[0]) {
                assert!((y - exact.sum).abs() <= 1e-13 * exact.size);
            }
        }
    }
}

#[test]
fn what_does_not_fit_has_no_output() {
    let fits = LARGER[1];
    assert_eq!(fits.output(), Some((9, 9)));
    assert_eq!(LARGER[2].output(), Some((18, 19)));
    let huge = usize::MAX / 2;
    for map in [Map::Forward, Map::InputGradient, Map::WeightGradient] {
        for convolution in [
            Convolution {
                kernel: [0, 3],
                ..fits
            },
            Convolution { groups: 0, ..fits },
        ] {
            assert_eq!(
                convolution.pieces::<f32>(Isa::PORTABLE, map),
                Pieces::default()
            );
        }
    }
    for convolution in [
        Convolution {
            kernel: [12, 3],
            ..fits
        },
        Convolution {
            kernel: [0, 3],
            ..fits
        },
        Convolution {
            stride: [1, 0],
            ..fits
        },
        Convolution {
            dilation: [0, 1],
            ..fits
        },
        Convolution {
            dilation: [6, 1],
            ..fits
        },
        Convolution { groups: 0, ..fits },
        Convolution { groups: 2, ..fits },
        Convolution { height: 0, ..fits },
        Convolution {
            width: huge,
            ..fits
        },
        Convolution {
            padding: [huge, huge],
            ..fits
        },
        Convolution {
            kernel: [huge, huge],
            dilation: [huge, huge],
            ..fits
        },
        Convolution {
            filters: 1 << 31,
            ..fits
        },
    ] {
        assert_eq!(convolution.output(), None, "{convolution:?}");
        assert_eq!(convolution.n_multiplications(1), 0);
    }
}
