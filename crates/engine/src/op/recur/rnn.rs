//! A step of a simple recurrent network (Elman 1990): h_t = f(x_t + h_(t-1) W), f tanh or relu. Record: h.

use std::hint::select_unpredictable;

use super::{Place, tanh};
use crate::element::Real;
use crate::isa::kernel;

kernel! {
    /// Writes h of every sample to its record and to `state`; `recurrent` is h_(t-1) W.
    pub(super) fn forward[T: Real](
        out: &mut [T], x: &[T], recurrent: &[T], state: &mut [T], place: Place, rectified: bool,
    ) {
        let Place { units, steps, step, row, .. } = place;
        let records = out.chunks_exact_mut(units * (steps + 1));
        let given = x.chunks_exact(units * steps).zip(recurrent.chunks_exact(units));
        for ((record, (x, recurrent)), state) in records.zip(given).zip(state.chunks_exact_mut(units)) {
            // Chosen and not branched to, see [`crate::op::activate`].
            let sums = x[step * units..].iter().zip(recurrent).map(|(&x, &hw)| x + hw);
            if rectified {
                for (h, sum) in state.iter_mut().zip(sums) {
                    *h = select_unpredictable(sum < T::ZERO, T::ZERO, sum);
                }
            } else {
                for (h, sum) in state.iter_mut().zip(sums) {
                    *h = sum;
                }
                tanh(state);
            }
            record[row * units..][..units].copy_from_slice(state);
        }
    }
}

kernel! {
    /// dh f': 1 - h^2 of tanh; of relu 1 where h is above zero, else 0.
    pub(super) fn backward[T: Real](
        out: &mut [T], gradient: &[T], record: &[T], through: &[T], gates: &mut [T], place: Place, rectified: bool,
    ) {
        let Place { units, steps, step, row, .. } = place;
        let len = units * (steps + 1);
        let known = gradient.chunks_exact(len).zip(record.chunks_exact(len)).zip(through.chunks_exact(units));
        let written = out.chunks_exact_mut(units * steps).zip(gates.chunks_exact_mut(units));
        for ((out, gates), ((gradient, record), through)) in written.zip(known) {
            let h = &record[row * units..][..units];
            let sums = gradient[row * units..].iter().zip(through).map(|(&given, &through)| given + through);
            if rectified {
                for ((d, sum), &h) in gates.iter_mut().zip(sums).zip(h) {
                    *d = select_unpredictable(h > T::ZERO, sum, T::ZERO);
                }
            } else {
                for ((d, sum), &h) in gates.iter_mut().zip(sums).zip(h) {
                    *d = sum * (T::ONE - h * h);
                }
            }
            out[step * units..][..units].copy_from_slice(gates);
        }
    }
}
