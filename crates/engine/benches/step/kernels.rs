//! The kernels alone, beside what the processor can do: `-- kernels`.

use std::hint::black_box;

use descent_engine::convolution::{Convolution, ConvolutionScratch, Map, Pieces};
use descent_engine::gemm::{Panels, Product};
use descent_engine::isa::Isa;

use super::{noise, seconds};

/// GFLOP/s of fused multiply-adds that wait for nothing: the most that any kernel can reach on one thread.
pub fn peak(isa: Isa) -> f64 {
    const N: usize = 20_000;
    let time = match isa.name() {
        // SAFETY: an `Isa` with this name exists only where these instructions do.
        #[cfg(target_arch = "x86_64")]
        "avx512" | "avx512_bf16" | "avx512_amx" => seconds(|| unsafe { fused512(N) }),
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        "avx2" => seconds(|| unsafe { fused256(N) }),
        _ => return f64::NAN,
    };
    let lanes = if isa.name().starts_with("avx512") {
        16
    } else {
        8
    };
    (2 * N * CHAINS * lanes) as f64 / time / 1e9
}

/// Sums that do not depend on each other: more than the multipliers have in work at once.
const CHAINS: usize = 12;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn fused512(n: usize) {
    use std::arch::x86_64::*;
    let (a, b) = black_box((_mm512_set1_ps(1.0), _mm512_set1_ps(1e-9)));
    let mut sums = [_mm512_setzero_ps(); CHAINS];
    for _ in 0..n {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(a, b, *sum);
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn fused256(n: usize) {
    use std::arch::x86_64::*;
    let (a, b) = black_box((_mm256_set1_ps(1.0), _mm256_set1_ps(1e-9)));
    let mut sums = [_mm256_setzero_ps(); CHAINS];
    for _ in 0..n {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(a, b, *sum);
        }
    }
    black_box(sums);
}

fn report(isa: Isa, name: &str, n_multiplications: u128, time: f64, peak: f64) {
    let rate = 2.0 * n_multiplications as f64 / time / 1e9;
    println!(
        "{:8} {name:34} {rate:7.1} GFLOP/s {:5.1} % {:10.2} us",
        isa.name(),
        100.0 * rate / peak,
        time * 1e6
    );
}

fn product(isa: Isa, peak: f64, sizes: [usize; 3], layout: &str) {
    let [m, n, k] = sizes;
    let product = Product {
        m,
        n,
        k,
        transpose_a: layout.starts_with('T'),
        transpose_b: layout.ends_with('T'),
    };
    let (a, b, mut c) = (noise(m * k), noise(k * n), vec![0.0; m * n]);
    let mut panels = Panels::new(isa, [product]);
    let time = seconds(|| product.run_rows(isa, &a, &b, black_box(&mut c), 0, &mut panels));
    let name = format!("product {m} x {n} x {k} {layout}");
    report(isa, &name, product.n_multiplications(), time, peak);
}

/// The dense layers of a network at one batch: forward, dW, and dX of all but the first.
fn network(isa: Isa, peak: f64, widths: &[usize], batch: usize) {
    for (layer_idx, sizes) in widths.windows(2).enumerate() {
        let (before, after) = (sizes[0], sizes[1]);
        product(isa, peak, [batch, after, before], "NN");
        product(isa, peak, [before, after, batch], "TN");
        if layer_idx > 0 {
            product(isa, peak, [batch, before, after], "NT");
        }
    }
}

/// A square convolution that keeps its size, but for the stride: all three passes, or no dX for a first layer.
fn convolution(
    isa: Isa,
    peak: f64,
    size: usize,
    channels: [usize; 2],
    kernel: [usize; 2],
    n: usize,
) {
    let [kernel, stride] = kernel;
    let convolution = Convolution {
        height: size,
        width: size,
        channels: channels[0],
        filters: channels[1],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [kernel / 2; 2],
        dilation: [1; 2],
        groups: 1,
    };
    let x = noise(n * convolution.n_inputs());
    let w = noise(convolution.weight_rows() * convolution.filters);
    let dy = noise(n * convolution.n_outputs());
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    let mut scratch = ConvolutionScratch::new(isa, [convolution]);
    let most = [Map::Forward, Map::InputGradient, Map::WeightGradient].map(|map| {
        let Pieces { n, len } = convolution.pieces::<f32>(isa, map);
        n * len
    });
    let mut pieces = vec![0.0; most.into_iter().max().unwrap_or(0)];
    let show = |pass: &str, time: f64| {
        let name = format!("{kernel} x {kernel} {channels:?} {size} x {size} {pass}");
        report(isa, &name, convolution.n_multiplications(n), time, peak);
    };
    let (y, dx, dw) = (black_box(&mut y), black_box(&mut dx), black_box(&mut dw));
    show(
        "forward",
        seconds(|| {
            convolution.prepare(isa, Map::Forward, [&x, &w], &mut pieces, 0, &mut scratch);
            convolution.forward(isa, [&x, &w, &pieces], y, &mut scratch);
        }),
    );
    show(
        "dW",
        seconds(|| {
            let factors = [&x[..], &dy];
            convolution.prepare(
                isa,
                Map::WeightGradient,
                factors,
                &mut pieces,
                0,
                &mut scratch,
            );
            convolution.weight_gradient(isa, [&x, &dy, &pieces], dw, 0, &mut scratch);
        }),
    );
    if channels[0] > 3 {
        show(
            "dX",
            seconds(|| {
                let factors = [&dy[..], &w];
                convolution.prepare(
                    isa,
                    Map::InputGradient,
                    factors,
                    &mut pieces,
                    0,
                    &mut scratch,
                );
                convolution.input_gradient(isa, [&dy, &w, &pieces], dx, &mut scratch);
            }),
        );
    }
}

/// The products and convolutions of the workloads.
pub fn all(isa: Isa) {
    let peak = peak(isa);
    println!("{:8} fused multiply-adds {peak:.1} GFLOP/s", isa.name());
    println!("W1");
    network(isa, peak, &[4, 16, 3], 16);
    println!("W2, and with a batch of 32");
    network(isa, peak, &[784, 512, 256, 10], 128);
    network(isa, peak, &[784, 512, 256, 10], 32);
    println!("W3");
    network(isa, peak, &[1024, 2048, 2048, 1000], 256);
    println!("W6");
    network(isa, peak, &[784, 128, 32, 128, 784], 128);
    println!("W7, one row");
    for [n, k] in [[512, 784], [256, 512], [10, 256]] {
        product(isa, peak, [1, n, k], "NN");
    }
    println!("W4");
    convolution(isa, peak, 28, [1, 32], [3, 1], 64);
    convolution(isa, peak, 14, [32, 64], [3, 1], 64);
    println!("W5");
    convolution(isa, peak, 64, [3, 64], [5, 2], 32);
    convolution(isa, peak, 16, [64, 192], [5, 1], 32);
    convolution(isa, peak, 8, [192, 384], [3, 1], 32);
    convolution(isa, peak, 8, [384, 256], [3, 1], 32);
    convolution(isa, peak, 8, [256, 256], [3, 1], 32);
}
