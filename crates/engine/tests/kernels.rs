//! The matrix product against matrixmultiply's, and its bits over threads, splits and batch sizes.

mod rounding;

use descent_engine::element::Real;
use descent_engine::gemm::packed::pack;
use descent_engine::gemm::{Panels, Product};
use descent_engine::isa::{Cpu, Isa};
use descent_engine::layer::{Dense, Dropout, Layer};
use descent_engine::loss::{ClassWeights, CrossEntropy, Loss};
use descent_engine::model::Model;
use descent_engine::network::{Head, Network, Outcome};
use descent_engine::op::{Function, StepKey};
use descent_engine::optimizer::{Adam, Optimizer, OptimizerState};
use descent_engine::plan::{Targets, TrainPlan};
use descent_engine::precision::Precision;
use descent_engine::rng::{Purpose, Stream};
use proptest::prelude::*;
use rounding::bf16;

fn noise(n: usize, step: u64) -> Vec<f32> {
    let stream = Stream::new(4, Purpose::Probe, step);
    (0..n as u64)
        .map(|index| stream.normal(index) as f32)
        .collect()
}

/// `matrixmultiply::sgemm` or `dgemm`: alpha A B + beta C, each factor with the steps from row to row and from column to column.
type Gemm<T> = unsafe fn(
    usize,
    usize,
    usize,
    T,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    *mut T,
    isize,
    isize,
);

/// The product as matrixmultiply computes it.
fn known<T: Real>(gemm: Gemm<T>, product: &Product, a: &[T], b: &[T]) -> Vec<T> {
    let &Product {
        m,
        n,
        k,
        transpose_a,
        transpose_b,
    } = product;
    let steps = |transposed: bool, rows: usize, columns: usize| {
        if transposed {
            (1, rows as isize)
        } else {
            (columns as isize, 1)
        }
    };
    let (a_row, a_column) = steps(transpose_a, m, k);
    let (b_row, b_column) = steps(transpose_b, k, n);
    let mut c = vec![T::ZERO; m * n];
    assert!(a.len() == m * k && b.len() == k * n);
    // SAFETY: each factor holds as many elements as its rows and columns make, the steps reach every one of them and nothing beyond,
    // and C is a vector of its own with n elements in each of its m rows.
    unsafe {
        gemm(
            m,
            k,
            n,
            T::ONE,
            a.as_ptr(),
            a_row,
            a_column,
            b.as_ptr(),
            b_row,
            b_column,
            T::ZERO,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
    c
}

/// How far rounding to steps of `epsilon` may take each element from the exact sum: in proportion to the sum of the absolute products, and
/// to the root of their number, because roundings go both ways.
fn tolerances(product: &Product, a: &[f64], b: &[f64], epsilon: f64) -> Vec<f64> {
    let sizes = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
    known(matrixmultiply::dgemm, product, &sizes(a), &sizes(b))
        .into_iter()
        .map(|size| 8.0 * epsilon * (product.k as f64).sqrt() * size)
        .collect()
}

/// The first element that is further from `expected` than its tolerance, times `factor`, allows.
fn too_far<T: Real>(
    found: &[T],
    expected: &[T],
    tolerances: &[f64],
    factor: f64,
) -> Option<(usize, T, T)> {
    assert_eq!(found.len(), expected.len());
    (found.iter().zip(expected).zip(tolerances).enumerate())
        .find(|&(_, ((&found, &expected), &tolerance))| {
            let error = (found.to_f64() - expected.to_f64()).abs();
            error.is_nan() || error > factor * tolerance
        })
        .map(|(index, ((&found, &expected), _))| (index, found, expected))
}

fn run<T: Real>(product: &Product, isa: Isa, a: &[T], b: &[T], rows_per_call: usize) -> Vec<T> {
    let mut c = vec![T::from_f64(f64::NAN); product.m * product.n];
    let mut panels = Panels::new(isa, [*product]);
    for (call, rows) in c.chunks_mut(rows_per_call * product.n).enumerate() {
        product.run_rows(isa, a, b, rows, call * rows_per_call, &mut panels);
    }
    c
}

/// A product in bfloat16 lies as near to that of the rounded operands as one of f32 does to its own; what is further away.
fn far_from_rounded(
    product: &Product,
    isa: Isa,
    a: &[f32],
    b: &[f32],
) -> Option<(usize, f64, f64)> {
    let rounded = |values: &[f32]| {
        values
            .iter()
            .map(|&value| f64::from(bf16(value)))
            .collect::<Vec<_>>()
    };
    let (a64, b64) = (rounded(a), rounded(b));
    let exact = known(matrixmultiply::dgemm, product, &a64, &b64);
    let nearby = tolerances(product, &a64, &b64, f64::from(f32::EPSILON));
    let ours: Vec<f64> = run(product, isa, a, b, product.m)
        .into_iter()
        .map(f64::from)
        .collect();
    too_far(&ours, &exact, &nearby, 1.0)
}

/// Sizes around the edges of tiles and panels.
fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    let edge = prop_oneof![1..40_usize, Just(64), Just(65)];
    let depth = prop_oneof![
        1..50_usize,
        Just(300),
        Just(511),
        Just(512),
        Just(513),
        Just(1100)
    ];
    let width = prop_oneof![
        1..70_usize,
        Just(255),
        Just(257),
        Just(530),
        Just(830),
        Just(2100)
    ];
    let swapped = |((m, n, k), swap)| if swap { (n, m, k) } else { (m, n, k) };
    ((edge, width, depth), any::<bool>()).prop_map(swapped)
}

/// Rows, columns and depths beyond a panel, a block of the depth, or both.
fn larger_sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    let size = || prop_oneof![1..40_usize, 100..600_usize, 600..1100_usize];
    let affordable = |&(m, n, k): &(usize, usize, usize)| m * n * k < 40_000_000;
    (size(), size(), size()).prop_filter("affordable", affordable)
}

/// Buffers made for a product hold it, whatever its size is beside those of tiles and of what is turned together.
#[test]
fn buffers_for_a_product_are_large_enough() {
    let k = 40;
    let values = noise(50 * k, 0);
    for (m, n) in (1..=50).flat_map(|m| (1..=50).map(move |n| (m, n))) {
        for (transpose_a, transpose_b) in [(false, false), (false, true), (true, false)] {
            let product = Product {
                m,
                n,
                k,
                transpose_a,
                transpose_b,
            };
            for isa in Isa::all().flat_map(|isa| [isa, isa.with_precision(Precision::Bf16)]) {
                let c = run(&product, isa, &values[..m * k], &values[..k * n], m);
                assert!(
                    c.iter().all(|value| value.is_finite()),
                    "{product:?} {isa:?}"
                );
            }
        }
    }
}

/// A matrix of so many rows, transposed.
fn turned(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    let at = |i| values[i % rows * columns + i / rows];
    (0..values.len()).map(at).collect()
}

/// A factor whose depths fall into few sets of the cache is copied strip by strip: with 64 rows they lie 256 bytes apart. The same
/// factor that lies in order is not.
#[test]
fn a_copied_strip_gives_the_bits_of_one_in_place() {
    let (n, k) = (300, 100);
    for m in [64, 192] {
        let scattered = Product {
            m,
            n,
            k,
            transpose_a: true,
            transpose_b: false,
        };
        let in_order = Product {
            transpose_a: false,
            ..scattered
        };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        for isa in Isa::all() {
            assert_eq!(
                run(&scattered, isa, &a, &b, m),
                run(&in_order, isa, &turned(&a, k), &b, m),
                "{m} rows, {isa:?}"
            );
        }
    }
}

/// Tiles that stand upright beside a panel too large for the second-level cache are turned many at a time: 700 rows are more than that, and
/// 130 columns over 1,100 depths make such a panel. The same factor that lies in order needs no turning.
#[test]
fn tiles_turned_together_have_the_bits_of_rows() {
    let (m, n, k) = (130, 700, 1100);
    let standing = Product {
        m,
        n,
        k,
        transpose_a: false,
        transpose_b: true,
    };
    let in_order = Product {
        transpose_b: false,
        ..standing
    };
    let (a, b) = (noise(m * k, 0), noise(n * k, 1));
    for isa in Isa::all() {
        assert_eq!(
            run(&standing, isa, &a, &b, m),
            run(&in_order, isa, &a, &turned(&b, n), m),
            "{isa:?}"
        );
    }
}

/// What the gradient of a wide layer is when the next one has a single unit.
#[test]
fn a_column_times_a_long_row_has_one_product_for_each_element() {
    for transpose_b in [false, true] {
        let product = Product {
            m: 40,
            n: 830,
            k: 1,
            transpose_a: false,
            transpose_b,
        };
        let (a, b) = (noise(product.m, 0), noise(product.n, 1));
        let expected = known(matrixmultiply::sgemm, &product, &a, &b);
        for isa in Isa::all() {
            assert_eq!(run(&product, isa, &a, &b, product.m), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A product in f32 lies within its tolerance of the one in f64, and two products of one precision within twice theirs of each other.
    #[test]
    fn a_product_is_what_matrixmultiply_computes((m, n, k) in sizes(), transpose_a: bool, transpose_b: bool) {
        let product = Product { m, n, k, transpose_a, transpose_b };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        let single = known(matrixmultiply::sgemm, &product, &a, &b);
        let doubles = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let (a64, b64) = (doubles(&a), doubles(&b));
        let double = known(matrixmultiply::dgemm, &product, &a64, &b64);
        let nearby = tolerances(&product, &a64, &b64, f64::from(f32::EPSILON));
        let close = tolerances(&product, &a64, &b64, f64::EPSILON);
        for isa in Isa::all() {
            let ours = run(&product, isa, &a, &b, m);
            prop_assert_eq!(too_far(&ours, &single, &nearby, 2.0), None, "{:?} {:?} beside sgemm", isa, product);
            prop_assert_eq!(too_far(&doubles(&ours), &double, &nearby, 1.0), None, "{:?} {:?} beside dgemm", isa, product);
            let ours = run(&product, isa, &a64, &b64, m);
            prop_assert_eq!(too_far(&ours, &double, &close, 2.0), None, "{:?} {:?} in f64", isa, product);
        }
    }

    #[test]
    fn splitting_a_product_changes_no_bit((m, n, k) in sizes(), transpose_a: bool, transpose_b: bool, rows in 1..9_usize) {
        let product = Product { m, n, k, transpose_a, transpose_b };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        for isa in Isa::all() {
            prop_assert_eq!(run(&product, isa, &a, &b, m), run(&product, isa, &a, &b, rows));
        }
    }
}

/// So many rows that their panels are copied whatever the instruction set, and a single one, every third number of which is zero.
#[test]
fn a_packed_product_of_many_rows_or_one_has_the_same_bits() {
    let a: Vec<f32> = noise(500 * 30, 0)
        .into_iter()
        .enumerate()
        .map(|(place, value)| if place % 3 == 0 { 0.0 } else { value })
        .collect();
    let b = noise(30 * 70, 1);
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
    for m in [500, 1] {
        has_the_bits_of_one_unpacked(m, &a[..m * 30], &b);
        has_the_bits_of_one_unpacked(m, &wide(&a[..m * 30]), &wide(&b));
    }
}

fn has_the_bits_of_one_unpacked<T: Real>(m: usize, a: &[T], b: &[T]) {
    let (n, k) = (70, 30);
    let product = Product {
        m,
        n,
        k,
        transpose_a: false,
        transpose_b: false,
    };
    for isa in Isa::all() {
        let mut packed = vec![T::from_f64(f64::NAN); k * n];
        pack(isa, b, n, &mut packed);
        let mut c = vec![T::from_f64(f64::NAN); m * n];
        let mut buffers = Panels::new(isa, [product]);
        product.run_packed(isa, (a, &packed), &mut c, 0, &mut buffers);
        assert!(run(&product, isa, a, b, m) == c, "{isa:?}, {m} rows");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_packed_product_has_the_same_bits(
        (m, n, k) in sizes(), one_row: bool, part in 1..900_usize, least in prop_oneof![Just(f32::MIN), Just(0.0), Just(1.5), Just(9.0)],
    ) {
        let m = if one_row { 1 } else { m };
        let product = Product { m, n, k, transpose_a: false, transpose_b: false };
        // No zeros, as many as behind a ReLU, almost only zeros, nothing else.
        let kept = |value: f32| if value > least { value } else { 0.0 };
        let (a, b): (Vec<f32>, _) = (noise(m * k, 0).into_iter().map(kept).collect(), noise(k * n, 1));
        // Whole rows, or any part of one.
        let len = if one_row { part } else { part.next_multiple_of(n) };
        for isa in Isa::all() {
            let mut packed = vec![f32::NAN; k * n];
            pack(isa, &b, n, &mut packed);
            let mut c = vec![f32::NAN; m * n];
            let mut buffers = Panels::new(isa, [product]);
            for (idx, c) in c.chunks_mut(len).enumerate() {
                product.run_packed(isa, (&a, &packed), c, idx * len, &mut buffers);
            }
            prop_assert_eq!(run(&product, isa, &a, &b, m), c, "{:?}", isa);
        }
    }

    /// The last batch of an epoch is smaller than those that a plan has its buffers for: fewer rows of A, or, of a weight's gradient,
    /// fewer depths.
    #[test]
    fn buffers_for_a_batch_serve_a_smaller_one((m, n, k) in larger_sizes(), transpose_a: bool, transpose_b: bool, part in 0.01..1.0_f64) {
        let transpose_b = transpose_b && !transpose_a;
        let whole = Product { m, n, k, transpose_a, transpose_b };
        let fewer = |rows: usize| (rows as f64 * part).ceil() as usize;
        let smaller = if transpose_a { Product { k: fewer(k), ..whole } } else { Product { m: fewer(m), ..whole } };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        let (a, b) = (&a[..smaller.m * smaller.k], &b[..smaller.k * n]);
        for isa in Isa::all().flat_map(|isa| [isa, isa.with_precision(Precision::Bf16)]) {
            let mut c = vec![f32::NAN; smaller.m * n];
            smaller.run_rows(isa, a, b, &mut c, 0, &mut Panels::new(isa, [whole]));
            prop_assert_eq!(c, run(&smaller, isa, a, b, smaller.m));
        }
    }

    #[test]
    fn a_product_in_bf16_is_one_of_rounded_operands((m, n, k) in sizes(), transpose_a: bool, transpose_b: bool) {
        let product = Product { m, n, k, transpose_a, transpose_b };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        for isa in Isa::all().map(|isa| isa.with_precision(Precision::Bf16)) {
            prop_assert_eq!(far_from_rounded(&product, isa, &a, &b), None, "{:?} {:?}", isa, product);
        }
    }

    #[test]
    fn splitting_a_product_in_bf16_changes_no_bit(
        (m, n, k) in sizes(), transpose_a: bool, transpose_b: bool, rows in 1..9_usize,
    ) {
        let product = Product { m, n, k, transpose_a, transpose_b };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        for isa in Isa::all().map(|isa| isa.with_precision(Precision::Bf16)) {
            prop_assert_eq!(run(&product, isa, &a, &b, m), run(&product, isa, &a, &b, rows));
        }
    }
}

/// More rows and depths than are rounded together.
#[test]
fn a_large_product_in_bf16_is_one_of_rounded_operands() {
    for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true), (true, true)] {
        let (m, n, k) = (523, 37, 2605);
        let product = Product {
            m,
            n,
            k,
            transpose_a,
            transpose_b,
        };
        let (a, b) = (noise(m * k, 0), noise(k * n, 1));
        for isa in Isa::all().map(|isa| isa.with_precision(Precision::Bf16)) {
            assert_eq!(
                far_from_rounded(&product, isa, &a, &b),
                None,
                "{isa:?} {product:?}"
            );
            let whole = run(&product, isa, &a, &b, m);
            assert_eq!(run(&product, isa, &a, &b, 77), whole, "{isa:?}");
        }
    }
}

#[test]
fn numbers_that_are_not_finite_stay_so_in_bf16() {
    let product = Product {
        m: 2,
        n: 3,
        k: 3,
        transpose_a: false,
        transpose_b: false,
    };
    for isa in Isa::all().map(|isa| isa.with_precision(Precision::Bf16)) {
        for (poison, is_it) in [
            (f32::INFINITY, f32::is_infinite as fn(f32) -> bool),
            (f32::MAX, f32::is_infinite),
            (f32::NAN, f32::is_nan),
        ] {
            let mut a = [1.0; 6];
            a[2] = poison;
            let c = run(&product, isa, &a, &[1.0; 9], 2);
            assert!(c[..3].iter().all(|&c| is_it(c)), "{isa:?}: {c:?}");
            assert_eq!(c[3..], [3.0; 3], "{isa:?}");
        }
    }
}

#[test]
fn splitting_a_single_row_changes_no_bit() {
    for transpose_b in [false, true] {
        let product = Product {
            m: 1,
            n: 700,
            k: 530,
            transpose_a: false,
            transpose_b,
        };
        let (a, b) = (noise(product.k, 0), noise(product.k * product.n, 1));
        for isa in Isa::all() {
            let whole = run(&product, isa, &a, &b, 1);
            let mut panels = Panels::new(isa, [product]);
            for len in [1, 48, 300, 699] {
                let mut c = vec![f32::NAN; product.n];
                for (part_idx, part) in c.chunks_mut(len).enumerate() {
                    product.run_part(isa, &a, &b, part, part_idx * len, &mut panels);
                }
                assert_eq!(c, whole, "{isa:?}, parts of {len}");
            }
        }
    }
}

#[test]
fn a_product_over_nothing_is_zero() {
    let product = Product {
        m: 2,
        n: 3,
        k: 0,
        transpose_a: false,
        transpose_b: false,
    };
    assert_eq!(run::<f32>(&product, Isa::detect(), &[], &[], 2), [0.0; 6]);
}

fn network() -> Network {
    let layers = [
        Layer::Dense(Dense::new(130).with(Function::Relu)),
        Layer::Dropout(Dropout::new(0.3)),
        Layer::Dense(Dense::new(70).with(Function::Tanh)),
    ];
    Network::build(
        &layers,
        90,
        Head {
            n_outputs: 4,
            outcome: Outcome::Classes,
        },
    )
    .expect("the network fits")
}

/// Parameters after some steps, with a smaller batch at the end.
fn trained(cpu: Cpu) -> Vec<f32> {
    let network = network();
    let optimizer = Optimizer::Adam(Adam::default());
    let loss = Loss::CrossEntropy(CrossEntropy::default());
    let mut plan = TrainPlan::compile(&network, &loss, &optimizer, 61, cpu).expect("the step fits");
    let mut parameters = network.initialise(3);
    let mut state = OptimizerState::new(&optimizer, network.n_trained());
    for step in 0..12 {
        let rows = if step % 4 == 3 { 17 } else { 61 };
        let features = noise(rows * 90, step);
        let labels: Vec<u32> = (0..rows as u32)
            .map(|row| (row + step as u32) % 4)
            .collect();
        let key = StepKey { seed: 3, step };
        let result = plan.step(
            &mut parameters,
            &mut state,
            &features,
            Targets::Labels(&labels),
            1e-3,
            Some(1.0),
            key,
        );
        assert!(result.finite);
    }
    parameters.values.to_vec()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for cpu in [Cpu::native, Cpu::portable] {
        let one = trained(cpu(1));
        for threads in [2, 4] {
            assert!(trained(cpu(threads)) == one, "{threads} threads");
        }
    }
}

/// So many that the gradient of the loss is worth dividing, with weights and in batches of different sizes.
#[test]
fn threads_that_share_a_loss_of_many_classes_change_no_bit() {
    let (n_classes, most_rows) = (301, 91);
    let layers = [Layer::Dense(Dense::new(20))];
    let head = Head {
        n_outputs: n_classes,
        outcome: Outcome::Classes,
    };
    let network = Network::build(&layers, 30, head).expect("the network fits");
    let parameters = network.initialise::<f32>(3);
    let optimizer = Optimizer::Adam(Adam::default());
    let weights = (0..n_classes).map(|class| 0.5 + (class % 7) as f64);
    let loss = Loss::CrossEntropy(CrossEntropy {
        class_weights: Some(ClassWeights::Values(weights.collect())),
        label_smoothing: 0.1,
    });
    let gradients = |cpu: Cpu, rows: usize| {
        let mut plan =
            TrainPlan::compile(&network, &loss, &optimizer, most_rows, cpu).expect("it fits");
        let labels: Vec<u32> = (0..rows).map(|row| (row * 17 % n_classes) as u32).collect();
        let features = noise(rows * 30, 1);
        let targets = Targets::Labels(&labels);
        let result = plan.gradients_of(&parameters, &features, targets, StepKey::default());
        assert!(result.finite);
        plan.gradients().to_vec()
    };
    for cpu in [Cpu::native, Cpu::portable] {
        for rows in [most_rows, 67] {
            let alone = gradients(cpu(1), rows);
            for threads in [2, 3, 4] {
                assert!(
                    gradients(cpu(threads), rows) == alone,
                    "{threads} threads, {rows} rows"
                );
            }
        }
    }
}

#[test]
fn a_row_alone_is_predicted_as_in_a_batch() {
    let network = network();
    for cpu in [Cpu::native(1), Cpu::portable(2)] {
        let model =
            Model::new(&network, network.initialise::<f32>(3), cpu).expect("the model fits");
        let rows = noise(40 * 90, 0);
        let mut together = vec![0.0; 40 * 4];
        model.predict(&rows, &mut model.scratch(40), &mut together);
        for piece in [1, 3, 7] {
            let mut alone = vec![0.0; 40 * 4];
            let mut scratch = model.scratch(piece);
            model.predict(&rows, &mut scratch, &mut alone);
            assert_eq!(alone, together, "{piece} at once");
        }
    }
}

/// Zero times infinity is no number, whether a row is predicted alone or not.
#[test]
fn a_weight_that_is_not_finite_is_multiplied_by_zero() {
    let network = network();
    let mut parameters = network.initialise::<f32>(3);
    parameters.values[0] = f32::INFINITY;
    let model = Model::new(&network, parameters, Cpu::native(1)).expect("the model fits");
    for rows in [1, 2] {
        let mut out = vec![0.0; rows * 4];
        model.predict(&vec![0.0; rows * 90], &mut model.scratch(2), &mut out);
        assert!(out.iter().all(|value| value.is_nan()), "{rows} at once");
    }
}

/// Of one row they share the columns, of few the weights.
#[test]
fn threads_that_share_rows_change_no_bit() {
    let layers = [Layer::Dense(Dense::new(601).with(Function::Relu))];
    let head = Head {
        n_outputs: 300,
        outcome: Outcome::Classes,
    };
    let network = Network::build(&layers, 500, head).expect("the network fits");
    let rows = noise(9 * 500, 0);
    let predict = |cpu: Cpu, piece: usize| {
        let model =
            Model::new(&network, network.initialise::<f32>(3), cpu).expect("the model fits");
        let mut out = vec![0.0; 9 * 300];
        model.predict(&rows, &mut model.scratch(piece), &mut out);
        out
    };
    for cpu in [Cpu::native, Cpu::portable] {
        let alone = predict(cpu(1), 1);
        for (threads, piece) in [(1, 9), (2, 1), (2, 2), (2, 4), (2, 9), (3, 1), (3, 9)] {
            assert_eq!(
                predict(cpu(threads), piece),
                alone,
                "{threads} threads, {piece} rows"
            );
        }
    }
}

#[test]
fn a_model_predicts_in_f32_whatever_it_was_trained_in() {
    let network = network();
    let row = noise(90, 0);
    let predicted = |precision: Precision| {
        let cpu = Cpu::native(1).with_precision(precision);
        let model = Model::new(&network, network.initialise::<f32>(3), cpu).expect("it fits");
        let mut out = [0.0; 4];
        model.predict(&row, &mut model.scratch(1), &mut out);
        out
    };
    assert_eq!(predicted(Precision::Bf16), predicted(Precision::F32));
}

#[test]
fn contributions_of_features_add_up() {
    let network = network();
    let model =
        Model::new(&network, network.initialise::<f64>(5), Cpu::native(1)).expect("the model fits");
    let row: Vec<f64> = noise(90, 7).into_iter().map(f64::from).collect();
    let baseline = vec![0.0; 90];
    let (mut at_row, mut at_baseline) = ([0.0; 4], [0.0; 4]);
    model.predict(&row, &mut model.scratch(1), &mut at_row);
    model.predict(&baseline, &mut model.scratch(1), &mut at_baseline);
    for output in 0..4 {
        let sum: f64 = model
            .integrated_gradients(&row, &baseline, output)
            .iter()
            .sum();
        let difference = at_row[output] - at_baseline[output];
        assert!(
            (sum - difference).abs() <= 5e-3,
            "output {output}: {sum} for {difference}"
        );
    }
}

#[test]
fn a_step_that_is_not_finite_leaves_everything_as_it_was() {
    let network = network();
    let optimizer = Optimizer::Adam(Adam::default());
    let loss = Loss::CrossEntropy(CrossEntropy::default());
    let mut plan =
        TrainPlan::compile(&network, &loss, &optimizer, 8, Cpu::native(1)).expect("the step fits");
    let mut parameters = network.initialise::<f32>(3);
    let mut state = OptimizerState::new(&optimizer, network.n_trained());
    let (parameters_before, state_before) = (parameters.clone(), state.clone());
    for poison in [f32::NAN, f32::INFINITY] {
        let mut features = noise(8 * 90, 0);
        features[5] = poison;
        let result = plan.step(
            &mut parameters,
            &mut state,
            &features,
            Targets::Labels(&[0; 8]),
            0.1,
            Some(1.0),
            StepKey::default(),
        );
        assert!(!result.finite, "{poison}");
        assert_eq!(parameters, parameters_before);
        assert_eq!(state, state_before);
    }
}
