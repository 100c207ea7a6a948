//! A step of a gated recurrent unit (Cho et al. 2014), gates in PyTorch's order, the reset after the product as there.
//!
//! ```text
//! [r z] = sigmoid(x_t + h_(t-1) W),  their columns
//! q = h_(t-1) W_n + b
//! n = tanh(x_t + r q)
//! h_t = (1 - z) n + z h_(t-1)
//! ```
//! Record: h, r, z, n, q.

use super::{Place, part, part_mut, sigmoid, tanh};
use crate::element::Real;
use crate::isa::kernel;

kernel! {
    /// Writes the record of a step of every sample, and its h to `state`; `recurrent` is h_(t-1) W.
    pub(super) fn forward[T: Real](
        out: &mut [T], x: &[T], recurrent: &[T], state: &mut [T], place: Place, bias: &[T],
    ) {
        let Place { units, steps, step, .. } = place;
        let records = out.chunks_exact_mut(5 * units * (steps + 1));
        let given = x.chunks_exact(3 * units * steps).zip(recurrent.chunks_exact(3 * units));
        for ((record, (x, recurrent)), state) in records.zip(given).zip(state.chunks_exact_mut(units)) {
            let (now, before) = place.rows_mut(record, 5 * units);
            let x = &x[step * 3 * units..];
            let (h, rest) = now.split_at_mut(units);
            let (gates, rest) = rest.split_at_mut(2 * units);
            let (n, q) = rest.split_at_mut(units);
            for ((gate, &x), &hw) in gates.iter_mut().zip(x).zip(recurrent) {
                *gate = x + hw;
            }
            sigmoid(gates);
            for ((q, &hw), &bias) in q.iter_mut().zip(part(recurrent, 2, units)).zip(bias) {
                *q = hw + bias;
            }
            for (((n, &x), &r), &q) in n.iter_mut().zip(part(x, 2, units)).zip(part(gates, 0, units)).zip(&*q) {
                *n = x + r * q;
            }
            tanh(n);
            for (((h, &n), &z), &before) in h.iter_mut().zip(&*n).zip(part(gates, 1, units)).zip(before) {
                *h = (T::ONE - z) * n + z * before;
            }
            state.copy_from_slice(h);
        }
    }
}

kernel! {
    /// With dh all that reaches h_t:
    ///
    /// dn = dh (1 - z) (1 - n^2), dq = dn r, dr = dn q r (1 - r), dz = dh (h_(t-1) - n) z (1 - z), and dh z is what
    /// reaches h_(t-1) beside h W. A row of the gradient is dr, dz, dn, dr, dz, dq.
    pub(super) fn backward[T: Real](
        out: &mut [T], gradient: &[T], record: &[T], through: &[T], beside: &mut [T], gates: &mut [T], place: Place,
    ) {
        let Place { units, steps, step, row, before } = place;
        let len = 5 * units * (steps + 1);
        let known = gradient.chunks_exact(len).zip(record.chunks_exact(len)).zip(through.chunks_exact(units));
        let written = out.chunks_exact_mut(6 * units * steps).zip(beside.chunks_exact_mut(units));
        for ((written, gates), ((gradient, record), through)) in
            written.zip(gates.chunks_exact_mut(3 * units)).zip(known)
        {
            let (out, dh) = written;
            let (given, now) = (&gradient[row * 5 * units..], &record[row * 5 * units..]);
            let given = |idx| part(given, idx, units);
            let now = |idx| part(now, idx, units);
            let h_before = part(&record[before * 5 * units..], 0, units);
            let (by_x, by_h) = out[step * 6 * units..][..6 * units].split_at_mut(3 * units);

            for ((dh, &given), &through) in dh.iter_mut().zip(given(0)).zip(through) {
                *dh += given + through;
            }
            let dn = part_mut(by_x, 2, units);
            for ((((dn, &dh), &z), &n), &given) in dn.iter_mut().zip(&*dh).zip(now(2)).zip(now(3)).zip(given(3)) {
                *dn = (dh * (T::ONE - z) + given) * (T::ONE - n * n);
            }
            let dq = part_mut(by_h, 2, units);
            for (((dq, &dn), &r), &given) in dq.iter_mut().zip(&*dn).zip(now(1)).zip(given(4)) {
                *dq = dn * r + given;
            }
            let (gate, dn) = by_x.split_at_mut(2 * units);
            let (dr, dz) = gate.split_at_mut(units);
            for ((((dr, &dn), &q), &r), &given) in dr.iter_mut().zip(&*dn).zip(now(4)).zip(now(1)).zip(given(1)) {
                *dr = (dn * q + given) * r * (T::ONE - r);
            }
            for (((dz, &dh), &h), &n) in dz.iter_mut().zip(&*dh).zip(h_before).zip(now(3)) {
                *dz = dh * (h - n);
            }
            for ((dz, &z), &given) in dz.iter_mut().zip(now(2)).zip(given(2)) {
                *dz = (*dz + given) * z * (T::ONE - z);
            }
            for (dh, &z) in dh.iter_mut().zip(now(2)) {
                *dh *= z;
            }
            by_h[..2 * units].copy_from_slice(gate);
            gates.copy_from_slice(by_h);
        }
    }
}
