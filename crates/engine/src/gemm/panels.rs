//! The order in which a product is computed: panels of the right factor, in each strips of rows of the left one.
//!
//! A panel is some columns over one block of the depth. Where its rows are far from each other it is copied into the order of reading, by
//! the first strip of rows, which reads it anyway: so what it waits for memory is hidden behind the multiplications. Operands that are rounded
//! are copied before, of both factors.

use std::ops::Range;

use super::bf16::{self, Operands};
use super::micro::{Depths, Even, Left, MAX_ROWS, Micro, Out, Right, Vector, copy_row};
use super::{Call, DEPTH, Factor, Product, widest};
use crate::aligned::{Buffer, Wanted};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// Columns of a panel of B, which lies in the second-level cache.
const WIDTH: usize = 256;
/// Most numbers of such a panel.
const CACHED: usize = WIDTH * DEPTH;
/// Most columns of one where each depth of A lies on another page: to fetch a strip of A again takes so long that the panel has as many as
/// that cache has room for.
const SCATTERED_WIDTH: usize = 2048;
/// Most rows of upright tiles that are turned together: five lines of the cache in each column.
const STANDING: usize = 80;
/// The same where their panel is too large for the second-level cache, so that it is fetched again for them.
const TALL: usize = 320;
/// Columns of upright tiles that are turned at a time.
const TURNED: usize = 16;
/// Tiles that must read a strip of A before it is copied.
const READERS: usize = 8;
/// The first-level cache: where a number lies in a page chooses the set of lines that its line may take a place in. Half of the eight
/// places are left to B.
const PAGE: usize = 4096;
const CACHE_LINE: usize = 64;
const PLACES: usize = 4;
/// Fewest numbers of a result that does not lie in the second-level cache, or leaves no room in it for a panel: a tile asks for its places before
/// it needs them.
const FAR: usize = 1 << 18;
/// Numbers of a panel that has all of the depth, and lies in the third-level cache.
const WHOLE: usize = 1 << 19;

/// Packing buffers of one thread.
#[derive(Clone, Debug, Default)]
pub struct Panels<T> {
    pub(super) b: Buffer<T>,
    /// Tiles of C that stand upright, and room to turn some of them.
    standing: Buffer<T>,
    /// A strip of rows.
    strip: Buffer<T>,
    pub(super) depths: Buffer<u32>,
    pub(super) pairs: bf16::Buffers,
}

impl<T: Real> Panels<T> {
    /// Buffers that are large enough for each of the products.
    pub fn new(isa: Isa, products: impl IntoIterator<Item = Product>) -> Panels<T> {
        let mut panels = Panels::default();
        for product in products {
            panels.reserve(isa, product);
        }
        panels.each(&mut |buffer| buffer.allocate());
        panels
    }

    /// Each of the buffers.
    pub(crate) fn each(&mut self, visit: &mut impl FnMut(&mut dyn Wanted)) {
        visit(&mut self.b);
        visit(&mut self.standing);
        visit(&mut self.strip);
        visit(&mut self.depths);
        self.pairs.each(visit);
    }

    /// Asks for buffers that are large enough for one more product, also in a batch with fewer rows. These are rows of A or, where A is held
    /// transposed, depths; and fewer depths may be cut into longer blocks and wider panels.
    pub(crate) fn reserve(&mut self, isa: Isa, product: Product) {
        let operands = Operands::of::<T>(isa);
        if operands == Operands::Pairs {
            return self.pairs.reserve(product);
        }
        let Product { m, n, k, .. } = product;
        let block = k.min(DEPTH);
        let columns = |most: usize| m.max(n).min(most).next_multiple_of(widest(isa));
        let widest_panel = if product.transpose_a || k == 1 {
            SCATTERED_WIDTH
        } else {
            WIDTH
        };
        self.b.want(CACHED.min(columns(widest_panel) * block));
        if product.transpose_b {
            let width = columns(upright_width(k));
            self.b.want(width * k);
            let turned = columns(standing(k, width)).next_multiple_of(TURNED);
            self.standing.want(turned * (width + TURNED));
        }
        if product.transpose_a || operands == Operands::Rounded {
            self.strip.want(MAX_ROWS * block);
        }
        self.depths.want(block);
    }
}

/// Columns of a panel over one block of the depth: whole vectors, so that it has no more than [`CACHED`] numbers.
fn level_width(a_is_scattered: bool, block: usize, vector: usize) -> usize {
    if a_is_scattered {
        (CACHED / block.max(1)).clamp(WIDTH, SCATTERED_WIDTH) / vector * vector
    } else {
        WIDTH
    }
}

/// Columns of a panel that has all of the depth.
fn upright_width(k: usize) -> usize {
    (WHOLE / k.max(1)).clamp(64, WIDTH).next_multiple_of(64)
}

/// Rows of upright tiles that are turned together.
fn standing(k: usize, width: usize) -> usize {
    if k * width > CACHED { TALL } else { STANDING }
}

impl<T: Real> Call<'_, T> {
    /// Whether B takes the part of A, so that tiles of C stand upright.
    ///
    /// The columns of a tile are read as vectors, its rows element after element. So the factor whose rows lie one behind
    /// the other at each depth had better be the columns; it need not be copied.
    fn is_upright(&self) -> bool {
        // Few products per element: to turn the tiles would take longer than to copy B.
        self.b.row_step != 1 && (self.k >= 40 || self.a.row_step == 1)
    }
}

kernel! {
    /// Computes C, which has the rows of A and of the transposed B.
    pub(super) fn compute[T: Real] with M of T (call: Call<'_, T>, operands: Operands, c: &mut [T], panels: &mut Panels<T>) {
        if call.is_upright() {
            upright::<T, M>(call, operands, c, panels)
        } else {
            level::<T, M>(call, operands, c, panels)
        }
    }
}

/// A panel of B after the other, in each block after block of the depth; tiles of C are rows of it.
#[inline(always)]
fn level<T: Real, M: Micro<T>>(
    call: Call<'_, T>,
    operands: Operands,
    c: &mut [T],
    panels: &mut Panels<T>,
) {
    let Call { a, b, k, .. } = call;
    let rounds = operands == Operands::Rounded;
    let copied = rounds || b.row_step != 1 || M::copies(a.rows, b.rows);
    let block = call.block.min((u32::MAX as usize / a.depth_step).max(1));
    let width = level_width(a.depth_step != 1, block, M::VECTOR);
    for first_col in (0..b.rows).step_by(width) {
        let columns = width.min(b.rows - first_col);
        for first_k in (0..k).step_by(block) {
            let depth = block.min(k - first_k);
            let source = &b.values[first_col * b.row_step + first_k * b.depth_step..];
            let (values, step) = (source, b.depth_step);
            let panel = match (copied, b.row_step) {
                (false, _) => Panel::InPlace { values, step },
                // Where the rows lie one behind the other at each depth, the first tiles copy what they read anyway.
                (true, 1) if !rounds => Panel::Copying {
                    values,
                    step,
                    copy: &mut panels.b,
                },
                (true, _) => {
                    b.pack::<M>(source, columns, depth, operands, &mut panels.b);
                    Panel::Copied(&panels.b)
                }
            };
            let copies = rounds || columns >= READERS * M::COLUMNS && a.is_crowded(depth);
            let mut strips = Strips::new::<M>(
                (a, 0..a.rows),
                (first_k, depth),
                copies.then_some((&mut panels.strip[..], operands)),
                &mut panels.depths,
            );
            strips.run::<M>(panel, columns, &mut c[first_col..], b.rows, first_k == 0);
        }
    }
}

/// The same where B is held as `[n x k]`: B takes the part of A, whose rows need no copy, and tiles are columns of C. So tiles of some
/// strips of rows are summed over all of the depth, turned together, and written as rows.
#[inline(always)]
fn upright<T: Real, M: Micro<T>>(
    call: Call<'_, T>,
    operands: Operands,
    c: &mut [T],
    panels: &mut Panels<T>,
) {
    let Call { a, b, k, block } = call;
    let copies = operands == Operands::Rounded;
    let width = upright_width(k);
    for first_col in (0..a.rows).step_by(width) {
        let columns = width.min(a.rows - first_col);
        let chunk = standing(k, columns) / M::STRIP_ROWS * M::STRIP_ROWS;
        let padded = columns.next_multiple_of(M::VECTOR);
        let source = &a.values[first_col * a.row_step..];
        for first_k in (0..k).step_by(block) {
            let copy = &mut panels.b[first_k * padded..];
            a.pack::<M>(
                &source[first_k * a.depth_step..],
                columns,
                block.min(k - first_k),
                operands,
                copy,
            );
        }
        for first_row in (0..b.rows).step_by(chunk) {
            let rows = first_row..(first_row + chunk).min(b.rows);
            for first_k in (0..k).step_by(block) {
                let depth = block.min(k - first_k);
                let panel = Panel::Copied(&panels.b[first_k * padded..]);
                let mut strips = Strips::new::<M>(
                    (b, rows.clone()),
                    (first_k, depth),
                    copies.then_some((&mut panels.strip[..], operands)),
                    &mut panels.depths,
                );
                let out = &mut panels.standing;
                strips.run::<M>(panel, columns, out, columns, first_k == 0);
            }
            let c = &mut c[first_col * b.rows + first_row..];
            lay_down::<T, M>(&mut panels.standing, (rows.len(), columns), c, b.rows);
        }
    }
}

/// Some columns of the right factor, over one block of the depth. In place, a row lies `step` numbers after the one before it; a copy has
/// strips of columns, depth after depth.
pub(super) enum Panel<'a, T> {
    /// It is read where it lies.
    InPlace { values: &'a [T], step: usize },
    /// The first strip of rows reads it where it lies and copies it, the others read the copy.
    Copying {
        values: &'a [T],
        step: usize,
        copy: &'a mut [T],
    },
    /// It is read from a copy.
    Copied(&'a [T]),
}

/// Some rows of the left factor, over one block of the depth.
pub(super) struct Strips<'a, T> {
    factor: Factor<'a, T>,
    rows: Range<usize>,
    first_k: usize,
    depths: Depths<'a>,
    /// Where the rows of a tile are copied before they are read, as operands.
    copy: Option<(&'a mut [T], Operands)>,
}

impl<'a, T: Real> Strips<'a, T> {
    /// Of some rows of a factor over `depth` depths. A copy has `STRIP_ROWS` numbers at each depth, or, of rows that lie along the depth, one
    /// row behind the other.
    #[inline(always)]
    pub(super) fn new<M: Micro<T>>(
        (factor, rows): (Factor<'a, T>, Range<usize>),
        (first_k, depth): (usize, usize),
        copy: Option<(&'a mut [T], Operands)>,
        offsets: &'a mut [u32],
    ) -> Strips<'a, T> {
        let depth_step = match &copy {
            Some(_) if factor.depth_step != 1 => M::STRIP_ROWS,
            _ => factor.depth_step,
        };
        Strips {
            factor,
            rows,
            first_k,
            depths: Depths::even(offsets, depth, depth_step),
            copy: copy.map(|(copy, operands)| (&mut copy[..M::STRIP_ROWS * depth], operands)),
        }
    }

    /// Stores or adds their products with the columns of a panel; each row of the result begins `step` numbers after the one before.
    #[inline(always)]
    pub(super) fn run<'p, M: Micro<T>>(
        &mut self,
        mut panel: Panel<'p, T>,
        all_columns: usize,
        out: &mut [T],
        step: usize,
        first: bool,
    ) {
        let Range { start, end } = self.rows;
        let depth = self.depths.len();
        let height = (end - start).div_ceil((end - start).div_ceil(M::STRIP_ROWS));
        let is_far = (end - start) * step >= FAR;
        let row_step = match self.copy {
            Some(_) => self.factor.packed_step(depth),
            None => self.factor.row_step,
        };
        let (rows, places) = (Even::new(height, row_step), Even::new(height, step));
        for row in (start..end).step_by(height) {
            let height = height.min(end - row);
            let begin = row * self.factor.row_step + self.first_k * self.factor.depth_step;
            let values = match &mut self.copy {
                Some((copy, operands)) => {
                    self.factor.pack_strip::<M>(begin, height, *operands, copy);
                    &**copy
                }
                None => &self.factor.values[begin..],
            };
            let left = Left {
                values,
                rows: rows.first(height),
                depths: self.depths,
            };
            let out = &mut out[(row - start) * step..];
            let wide = match panel {
                Panel::InPlace { .. } => M::wide(height),
                _ => &[],
            };
            let mut col = 0;
            while col < all_columns {
                let left_over = all_columns - col;
                let fits = wide.iter().find(|&&columns| columns <= left_over);
                let columns = fits.copied().unwrap_or_else(|| M::strip(left_over));
                if is_far {
                    ask_for::<T, M::Lanes>(&out[col..], (height, columns), step);
                }
                let out = Out {
                    values: &mut out[col..],
                    places: places.first(height),
                    columns,
                    first,
                };
                let in_place = |values: &'p [T], step| Right {
                    values: &values[col..],
                    step,
                    padded: false,
                };
                match &mut panel {
                    Panel::InPlace { values, step } => {
                        M::run(left, in_place(values, *step), out);
                    }
                    Panel::Copying { values, step, copy } => {
                        let copy = &mut copy[col * depth..];
                        M::run_copying(left, in_place(values, *step), out, copy);
                    }
                    Panel::Copied(copy) => {
                        let right = Right {
                            values: &copy[col * depth..],
                            step: columns.next_multiple_of(M::VECTOR),
                            padded: true,
                        };
                        M::run(left, right, out);
                    }
                }
                col += columns;
            }
            if let Panel::Copying { copy, .. } = panel {
                panel = Panel::Copied(copy);
            }
        }
    }
}

/// Asks for the places of a tile, with which `out` begins.
#[inline(always)]
fn ask_for<T, V: Vector<T>>(out: &[T], (height, columns): (usize, usize), step: usize) {
    for row in 0..height {
        for column in (0..columns).step_by(V::LANES) {
            V::prefetch(out.as_ptr().wrapping_add(row * step + column));
        }
    }
}

/// Writes the transposed `[rows x columns]` matrix with which `standing` begins: its column j to `c[j * step..]`.
#[inline(always)]
fn lay_down<T: Real, M: Micro<T>>(
    standing: &mut [T],
    (rows, columns): (usize, usize),
    c: &mut [T],
    step: usize,
) {
    let (standing, turned) = standing.split_at_mut(rows * columns);
    let width = rows.next_multiple_of(TURNED);
    for col in (0..columns).step_by(TURNED) {
        let n = TURNED.min(columns - col);
        M::transpose(
            &standing[col..],
            columns,
            &mut turned[..width * n],
            width,
            rows,
            n,
        );
        for (row, to) in turned
            .chunks_exact(width)
            .zip(c[col * step..].chunks_mut(step))
            .take(n)
        {
            copy_row(&row[..rows], &mut to[..rows]);
        }
    }
}

impl<T: Real> Factor<'_, T> {
    /// Whether a strip of `depth` depths has more lines than the first-level cache has places for, so that each tile would fetch it again:
    /// with 2,048 rows each depth lies at the same place of another page.
    fn is_crowded(&self, depth: usize) -> bool {
        let step = self.depth_step * size_of::<T>();
        let sets = PAGE / (1 << step.trailing_zeros().min(PAGE.ilog2())).max(CACHE_LINE);
        self.depth_step != 1 && depth > PLACES * sets
    }

    /// How far the rows of a copied strip are from each other.
    fn packed_step(&self, depth: usize) -> usize {
        if self.depth_step == 1 { depth } else { 1 }
    }

    /// Copies a strip of rows from number `begin` on: `height` rows along the depth, or `STRIP_ROWS` that are neighbours at each depth; behind
    /// the last row of all there may be fewer. The copy is of operands.
    #[inline(always)]
    fn pack_strip<M: Micro<T>>(
        &self,
        begin: usize,
        height: usize,
        operands: Operands,
        strip: &mut [T],
    ) {
        if self.depth_step == 1 {
            let depth = strip.len() / M::STRIP_ROWS;
            for (i, to) in strip.chunks_exact_mut(depth).take(height).enumerate() {
                copy_row(&self.values[begin + i * self.row_step..][..depth], to);
                operands.round(to);
            }
            return;
        }
        for (p, to) in strip.chunks_exact_mut(M::STRIP_ROWS).enumerate() {
            let from = &self.values[begin + p * self.depth_step..];
            match from.get(..M::STRIP_ROWS) {
                Some(from) => to.copy_from_slice(from),
                None => to[..from.len()].copy_from_slice(from),
            }
        }
        operands.round(strip);
    }

    /// Copies rows from the beginning of `source` as strips of columns, depth after depth; a strip narrower than its last
    /// vector goes on with zeros. The copy is of operands.
    #[inline(always)]
    fn pack<M: Micro<T>>(
        &self,
        source: &[T],
        rows: usize,
        depth: usize,
        operands: Operands,
        panel: &mut [T],
    ) {
        let mut first = 0;
        while first < rows {
            let n = M::strip(rows - first);
            let width = n.next_multiple_of(M::VECTOR);
            let strip = &mut panel[first * depth..][..width * depth];
            let source = &source[first * self.row_step..];
            if self.row_step == 1 {
                for (to, from) in strip
                    .chunks_exact_mut(width)
                    .zip(source.chunks(self.depth_step))
                {
                    copy_row(&from[..n], to);
                }
            } else {
                if n < width {
                    strip.fill(T::ZERO);
                }
                M::transpose(source, self.row_step, strip, width, n, depth);
            }
            operands.round(strip);
            first += n;
        }
    }
}
