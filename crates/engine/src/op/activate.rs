//! y = f(x), element by element, and its derivative dx = dy f'(x).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Context, Derivation, Matrix, Rule, alike};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// A function of one number.
///
/// | name | f(x) | f'(x) | source |
/// |---|---|---|---|
/// | relu | max(x, 0) | 1 for x > 0, else 0 | Nair, Hinton 2010 |
/// | leaky_relu | x for x > 0, else s x | 1 for x > 0, else s | Maas, Hannun, Ng 2013 |
/// | elu | x for x > 0, else a (e^x - 1) | 1 for x > 0, else f(x) + a | Clevert et al. 2016 |
/// | gelu | x Phi(x), Phi the normal distribution function | Phi(x) + x e^(-x^2/2) / sqrt(2 pi) | Hendrycks, Gimpel 2016 |
/// | silu | x s(x), s the sigmoid | s(x) (1 + x (1 - s(x))) | Elfwing et al. 2018 |
/// | sigmoid | 1 / (1 + e^-x) | f(x) (1 - f(x)) | |
/// | tanh | tanh x | 1 - f(x)^2 | |
/// | softplus | ln(1 + e^x) | 1 - e^-f(x) | Dugas et al. 2001 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// max(x, 0).
    Relu,
    /// x above zero, a small part of x below.
    LeakyRelu,
    /// x above zero, a (e^x - 1) below.
    Elu,
    /// x Phi(x), with the exact normal distribution function.
    Gelu,
    /// x times its sigmoid.
    Silu,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// ln(1 + e^x).
    Softplus,
}

impl Function {
    /// Every function, in the order of the table.
    pub const ALL: [Function; 8] = [
        Function::Relu,
        Function::LeakyRelu,
        Function::Elu,
        Function::Gelu,
        Function::Silu,
        Function::Sigmoid,
        Function::Tanh,
        Function::Softplus,
    ];

    /// Whether the derivative is a function of the output; otherwise it is one of the input.
    fn derives_from_output(self) -> bool {
        !matches!(self, Function::Gelu | Function::Silu)
    }
}

/// y = f(x).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activate {
    /// The function f.
    pub function: Function,
    /// The slope s of leaky_relu, the a of elu; the others do not read it.
    pub constant: f64,
}

impl Activate {
    /// The function with its usual constant: s = 0.01, a = 1.
    pub const fn new(function: Function) -> Activate {
        let constant = if matches!(function, Function::LeakyRelu) {
            0.01
        } else {
            1.0
        };
        Activate { function, constant }
    }
}

impl Rule for Activate {
    const NAME: &'static str = "activate";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 1)
    }

    /// dx = dy f'(x), where f' is read from y if it can be: then x need not be kept.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let saved = if self.function.derives_from_output() {
            at.output
        } else {
            at.inputs[0]
        };
        graph.apply(ActivateGradient { activate: *self }, &[at.gradient, saved])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?.name;
        let constant = self.constant as f32;
        let alpha = || vec![("alpha", Attribute::Float(constant))];
        let y = match self.function {
            Function::Relu => at.node("Relu", &[&x], Vec::new()),
            Function::LeakyRelu => at.node("LeakyRelu", &[&x], alpha()),
            Function::Elu => at.node("Elu", &[&x], alpha()),
            // Operator set 17 has no Gelu: x/2 (1 + erf(x / sqrt 2)) is the same.
            Function::Gelu => {
                let scaled = at.with_number("Mul", &x, std::f32::consts::FRAC_1_SQRT_2);
                let erf = at.node("Erf", &[&scaled], Vec::new());
                let twice = at.with_number("Add", &erf, 1.0);
                let half = at.with_number("Mul", &x, 0.5);
                at.node("Mul", &[&half, &twice], Vec::new())
            }
            Function::Silu => {
                let s = at.node("Sigmoid", &[&x], Vec::new());
                at.node("Mul", &[&x, &s], Vec::new())
            }
            Function::Sigmoid => at.node("Sigmoid", &[&x], Vec::new()),
            Function::Tanh => at.node("Tanh", &[&x], Vec::new()),
            Function::Softplus => at.node("Softplus", &[&x], Vec::new()),
        };
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        _inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let (isa, c) = (context.isa, T::from_f64(self.constant));
        match self.function {
            Function::Relu => relu::value(isa, out, c),
            Function::LeakyRelu => leaky_relu::value(isa, out, c),
            Function::Elu => elu::value(isa, out, c),
            Function::Gelu => gelu::value(isa, out, c),
            Function::Silu => silu::value(isa, out, c),
            Function::Sigmoid => sigmoid::value(isa, out, c),
            Function::Tanh => tanh::value(isa, out, c),
            Function::Softplus => softplus::value(isa, out, c),
        }
    }
}

/// dx = dy f'; the second input is what f' is read from, y or x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivateGradient {
    /// The op whose derivative this is.
    pub activate: Activate,
}

impl Rule for ActivateGradient {
    const NAME: &'static str = "activate_gradient";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 2)
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let (isa, c, saved) = (
            context.isa,
            T::from_f64(self.activate.constant),
            inputs[0].values,
        );
        match self.activate.function {
            Function::Relu => relu::slope(isa, out, saved, c),
            Function::LeakyRelu => leaky_relu::slope(isa, out, saved, c),
            Function::Elu => elu::slope(isa, out, saved, c),
            Function::Gelu => gelu::slope(isa, out, saved, c),
            Function::Silu => silu::slope(isa, out, saved, c),
            Function::Sigmoid => sigmoid::slope(isa, out, saved, c),
            Function::Tanh => tanh::slope(isa, out, saved, c),
            Function::Softplus => softplus::slope(isa, out, saved, c),
        }
    }
}

/// The kernel of a function's value at `x`.
macro_rules! value {
    ($c:ident, |$x:ident| $value:expr) => {
        kernel! {
            pub(super) fn value[T: Real](values: &mut [T], $c: T) {
                let _ = $c;
                for value in values {
                    let $x = *value;
                    *value = $value;
                }
            }
        }
    };
}

/// The kernel of a function's slope, as an expression of what is saved.
macro_rules! slope {
    ($c:ident, |$saved:ident| $slope:expr) => {
        kernel! {
            pub(super) fn slope[T: Real](gradients: &mut [T], saved: &[T], $c: T) {
                let _ = $c;
                for (gradient, &$saved) in gradients.iter_mut().zip(saved) {
                    *gradient *= $slope;
                }
            }
        }
    };
}

/// Writes the two kernels of a function.
macro_rules! function {
    ($name:ident, $c:ident, |$x:ident| $value:expr, |$saved:ident| $slope:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "not every function chooses")]
            use std::hint::select_unpredictable;

            use crate::element::Real;
            use crate::isa::kernel;

            value!($c, |$x| $value);
            slope!($c, |$saved| $slope);
        }
    };
}

// Where a function leaves some numbers alone, or a slope is 1, the compiler would write the others under a mask, which takes some processors
// ten times as long as to write all. So numbers are chosen and not branched to, and none is chosen that was read from where it goes.
mod relu {
    use std::hint::select_unpredictable;

    use crate::element::Real;
    use crate::isa::kernel;
    use crate::lanes::load;

    kernel! {
        pub(super) fn value[T: Real] with M of T (values: &mut [T], _c: T) {
            for x in values.chunks_mut(M::VECTOR) {
                load!(x).rectified().store(x);
            }
        }
    }
    slope!(c, |y| select_unpredictable(y > T::ZERO, T::ONE, T::ZERO));
}
function!(
    leaky_relu,
    c,
    |x| x * select_unpredictable(x < T::ZERO, c, T::ONE),
    |y| select_unpredictable(y > T::ZERO, T::ONE, c)
);
function!(
    elu,
    c,
    |x| {
        let (above, below) = (x > T::ZERO, x < T::ZERO);
        c * select_unpredictable(above, T::ZERO, x).exp_m1()
            + select_unpredictable(below, T::ZERO, x)
    },
    |y| select_unpredictable(y > T::ZERO, T::ONE, y + c)
);
function!(gelu, c, |x| x * x.normal_cdf(), |x| {
    let density = (T::from_f64(-0.5) * x * x).exp() * T::from_f64(0.398_942_280_401_432_7);
    x.normal_cdf() + x * density
});
function!(silu, c, |x| x / (T::ONE + (-x).exp()), |x| {
    let s = T::ONE / (T::ONE + (-x).exp());
    s * (T::ONE + x * (T::ONE - s))
});
function!(sigmoid, c, |x| T::ONE / (T::ONE + (-x).exp()), |y| y
    * (T::ONE - y));
function!(tanh, c, |x| x.tanh(), |y| T::ONE - y * y);
function!(
    softplus,
    c,
    |x| {
        let above = if x < T::ZERO { T::ZERO } else { x };
        above + (-x.abs()).exp().ln_1p_unit()
    },
    |y| -(-y).exp_m1()
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    /// As many numbers as wanted, of those that are easily lost.
    fn numbers(n: usize) -> Vec<f32> {
        let hard = [
            f32::NAN,
            -1.0,
            f32::INFINITY,
            0.0,
            f32::NEG_INFINITY,
            1.5,
            -0.0,
            -1e-30,
            1e-30,
            -90.0,
            90.0,
        ];
        hard.into_iter().cycle().take(n).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        let bits = |x: &f32| if x.is_nan() { u32::MAX } else { x.to_bits() };
        values.iter().map(bits).collect()
    }

    #[test]
    fn every_set_of_instructions_has_the_same_bits_and_keeps_what_is_not_a_number() {
        for function in Function::ALL {
            let activate = Activate::new(function);
            for n in 1..=67 {
                let given = numbers(n);
                let run = |isa| {
                    let context = Context {
                        isa,
                        labels: &[],
                        key: Default::default(),
                        packed: false,
                    };
                    let (mut y, mut d) = (given.clone(), vec![0.5; n]);
                    activate.run(&mut y, &[], 0, context);
                    let saved = Matrix {
                        values: &given[..],
                        cols: n,
                    };
                    ActivateGradient { activate }.run(&mut d, &[saved], 0, context);
                    (y, d)
                };
                let (y, d) = run(Isa::PORTABLE);
                for (&x, &y) in given.iter().zip(&y) {
                    assert!(!x.is_nan() || y.is_nan(), "{function:?} of {x} is {y}");
                }
                for isa in Isa::all() {
                    let got = run(isa);
                    assert_eq!(bits(&got.0), bits(&y), "{function:?} of {n} with {isa:?}");
                    assert_eq!(bits(&got.1), bits(&d), "{function:?}' of {n} with {isa:?}");
                }
            }
        }
    }

    #[test]
    fn what_rectifies_says_zero_below_zero_and_leaves_the_rest() {
        let mut y = [-2.0f32, -0.5, 0.0, 0.5, f32::INFINITY, f32::NEG_INFINITY];
        for isa in Isa::all() {
            let mut rectified = y;
            relu::value(isa, &mut rectified, 1.0);
            assert_eq!(rectified, [0.0, 0.0, 0.0, 0.5, f32::INFINITY, 0.0]);
        }
        elu::value(Isa::PORTABLE, &mut y, 2.0);
        assert!((y[0] - 2.0 * (-2f32).exp_m1()).abs() < 1e-6);
        assert_eq!(y[2..], [0.0, 0.5, f32::INFINITY, -2.0]);
    }
}
