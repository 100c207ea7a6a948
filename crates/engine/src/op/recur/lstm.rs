//! A step of long short-term memory (Hochreiter, Schmidhuber 1997; forget gate: Gers et al. 2000), gates in PyTorch's order.
//!
//! ```text
//! [i f g o] = x_t + h_(t-1) W,  then i, f, o through the sigmoid and g through tanh
//! c_t = f c_(t-1) + i g
//! h_t = o tanh(c_t)
//! ```
//! Record: h, c, i, f, g, o.

use super::{Place, part, part_mut, sigmoid, tanh};
use crate::element::Real;
use crate::isa::kernel;

kernel! {
    /// Writes the record of a step of every sample, and its h to `state`; `recurrent` is h_(t-1) W.
    pub(super) fn forward[T: Real](out: &mut [T], x: &[T], recurrent: &[T], state: &mut [T], place: Place) {
        let Place { units, steps, step, .. } = place;
        let records = out.chunks_exact_mut(6 * units * (steps + 1));
        let given = x.chunks_exact(4 * units * steps).zip(recurrent.chunks_exact(4 * units));
        for ((record, (x, recurrent)), state) in records.zip(given).zip(state.chunks_exact_mut(units)) {
            let (now, before) = place.rows_mut(record, 6 * units);
            let (memory, gates) = now.split_at_mut(2 * units);
            let (h, c) = memory.split_at_mut(units);
            for ((z, &x), &hw) in gates.iter_mut().zip(&x[step * 4 * units..]).zip(recurrent) {
                *z = x + hw;
            }
            sigmoid(&mut gates[..2 * units]);
            tanh(part_mut(gates, 2, units));
            sigmoid(part_mut(gates, 3, units));
            let (i, f, g) = (part(gates, 0, units), part(gates, 1, units), part(gates, 2, units));
            for ((((c, &i), &f), &g), &before) in c.iter_mut().zip(i).zip(f).zip(g).zip(part(before, 1, units)) {
                *c = f * before + i * g;
            }
            // One function in a loop of its own, or the loop does not become vector instructions.
            state.copy_from_slice(c);
            tanh(state);
            for (state, &o) in state.iter_mut().zip(part(gates, 3, units)) {
                *state *= o;
            }
            h.copy_from_slice(state);
        }
    }
}

kernel! {
    /// With dh and dc all that reaches h_t and c_t:
    ///
    /// do = dh tanh(c) o (1 - o), dc += dh o (1 - tanh(c)^2), di = dc g i (1 - i), df = dc c_(t-1) f (1 - f),
    /// dg = dc i (1 - g^2), and dc f is what reaches c_(t-1): `beside`.
    pub(super) fn backward[T: Real](
        out: &mut [T], gradient: &[T], record: &[T], through: &[T], beside: &mut [T], gates: &mut [T], place: Place,
    ) {
        let Place { units, steps, step, row, before } = place;
        let len = 6 * units * (steps + 1);
        let known = gradient.chunks_exact(len).zip(record.chunks_exact(len)).zip(through.chunks_exact(units));
        let written = out.chunks_exact_mut(4 * units * steps).zip(beside.chunks_exact_mut(units));
        for ((written, gates), ((gradient, record), through)) in
            written.zip(gates.chunks_exact_mut(4 * units)).zip(known)
        {
            let (out, dc) = written;
            let (given, now) = (&gradient[row * 6 * units..], &record[row * 6 * units..]);
            let given = |idx| part(given, idx, units);
            let now = |idx| part(now, idx, units);
            let c_before = part(&record[before * 6 * units..], 1, units);

            let (others, d) = gates.split_at_mut(3 * units);
            for ((d, &given), &through) in d.iter_mut().zip(given(0)).zip(through) {
                *d = given + through;
            }
            // The place of dg holds tanh(c) until dg is known.
            let c = part_mut(others, 2, units);
            c.copy_from_slice(now(1));
            tanh(c);
            for ((((dc, &d), &c), &o), &given) in dc.iter_mut().zip(&*d).zip(&*c).zip(now(5)).zip(given(1)) {
                *dc += d * o * (T::ONE - c * c) + given;
            }
            for (d, &c) in d.iter_mut().zip(&*c) {
                *d *= c;
            }
            for ((d, &o), &given) in d.iter_mut().zip(now(5)).zip(given(5)) {
                *d = (*d + given) * o * (T::ONE - o);
            }
            let d = part_mut(gates, 0, units);
            for ((((d, &dc), &g), &i), &given) in d.iter_mut().zip(&*dc).zip(now(4)).zip(now(2)).zip(given(2)) {
                *d = (dc * g + given) * i * (T::ONE - i);
            }
            let d = part_mut(gates, 1, units);
            for ((((d, &dc), &c), &f), &given) in d.iter_mut().zip(&*dc).zip(c_before).zip(now(3)).zip(given(3)) {
                *d = (dc * c + given) * f * (T::ONE - f);
            }
            let d = part_mut(gates, 2, units);
            for ((((d, &dc), &i), &g), &given) in d.iter_mut().zip(&*dc).zip(now(2)).zip(now(4)).zip(given(4)) {
                *d = (dc * i + given) * (T::ONE - g * g);
            }
            for (dc, &f) in dc.iter_mut().zip(now(3)) {
                *dc *= f;
            }
            out[step * 4 * units..][..4 * units].copy_from_slice(gates);
        }
    }
}
