//! What is learned about the numbers of samples: mean and spread of each channel over the training rows.

use descent_engine::spec::Preprocessing;

use super::Encoding;
use super::fit::scale_of;
use crate::data::{ElementType, Numbers, Samples};

/// The largest value of a byte: pixels become 0 to 1.
const LARGEST_BYTE: f32 = 255.0;

/// Fits the encoding of samples on the rows of `train`.
pub(super) fn fit(samples: &Samples, train: &[u32], how: &Preprocessing) -> Encoding {
    let sample = &samples.sample;
    let n_channels = sample.n_channels();
    let divisor = if how.scale && sample.element == ElementType::UInt8 {
        LARGEST_BYTE
    } else {
        1.0
    };
    let (shift, scale) = if how.standardise {
        let (means, stds) = match &samples.numbers {
            Numbers::Bytes(bytes) => moments(bytes, sample.n_numbers(), n_channels, train),
            Numbers::Floats(floats) => moments(floats, sample.n_numbers(), n_channels, train),
        };
        let divided = |x: f64| x / f64::from(divisor);
        (
            means.into_iter().map(|mean| divided(mean) as f32).collect(),
            stds.into_iter().map(|std| scale_of(divided(std))).collect(),
        )
    } else {
        (vec![0.0; n_channels], vec![1.0; n_channels])
    };
    Encoding::Array {
        shape: sample.shape.clone(),
        element: sample.element,
        divisor,
        shift,
        scale,
    }
}

/// Mean and standard deviation (divisor n) of each channel over the rows of `train`, in two passes in the order of the rows.
fn moments<N: Copy + Into<f64>>(
    numbers: &[N],
    n_numbers: usize,
    n_channels: usize,
    train: &[u32],
) -> (Vec<f64>, Vec<f64>) {
    let n = (train.len() * (n_numbers / n_channels.max(1))).max(1) as f64;
    let over = |add: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0; n_channels];
        for row in train {
            let first = *row as usize * n_numbers;
            for pixel in numbers[first..first + n_numbers].chunks(n_channels) {
                for (channel, (sum, x)) in sums.iter_mut().zip(pixel).enumerate() {
                    *sum += add(channel, (*x).into());
                }
            }
        }
        sums
    };
    let means: Vec<f64> = over(&|_, x| x).into_iter().map(|sum| sum / n).collect();
    let squares = over(&|channel, x| (x - means[channel]) * (x - means[channel]));
    let stds = squares.into_iter().map(|sum| (sum / n).sqrt()).collect();
    (means, stds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;

    #[test]
    fn channels_are_standardised_by_the_training_rows_alone() {
        let samples = Samples {
            sample: Sample {
                shape: vec![1, 2, 2],
                element: ElementType::UInt8,
            },
            numbers: Numbers::Bytes(vec![0, 10, 2, 10, 200, 200, 200, 200, 4, 10, 6, 10]),
        };
        let encoding = fit(&samples, &[0, 2], &Preprocessing::default());
        let Encoding::Array {
            divisor,
            shift,
            scale,
            ..
        } = &encoding
        else {
            panic!("an array has the encoding of one");
        };
        assert_eq!(*divisor, 255.0);
        assert_eq!(shift[..], [(3.0 / 255.0) as f32, (10.0 / 255.0) as f32]);
        assert_eq!(scale[0], (5f64.sqrt() / 255.0) as f32);
        assert_eq!(scale[1], 1.0, "a constant channel is only shifted");
        let mut all = vec![0.0; 12];
        encoding.write_samples(&samples.numbers, &mut all);
        let mut one = vec![0.0; 4];
        encoding.write_sample(&[4.0, 10.0, 6.0, 10.0], &mut one);
        assert_eq!(all[8..], one[..], "both roads give the same bits");
    }

    #[test]
    fn a_double_of_a_request_gives_the_bits_of_the_one_on_record() {
        let doubles = [
            0.1,
            1.0 / 3.0,
            123_456_789.0,
            1e12 + 1.0,
            -0.7,
            2.2,
            5e-7,
            0.0,
        ];
        let samples = Samples {
            sample: Sample {
                shape: vec![4],
                element: ElementType::Float64,
            },
            numbers: Numbers::Floats(doubles.iter().map(|x| *x as f32).collect()),
        };
        let encoding = fit(&samples, &[0, 1], &Preprocessing::default());
        let (mut all, mut each) = (vec![0.0; 8], vec![0.0; 8]);
        encoding.write_samples(&samples.numbers, &mut all);
        for (numbers, out) in doubles.chunks(4).zip(each.chunks_mut(4)) {
            encoding.write_sample(numbers, out);
        }
        assert_eq!(all, each);
    }
}
