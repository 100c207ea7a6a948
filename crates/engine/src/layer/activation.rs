//! `{"kind": "activation", "function": "leaky_relu", "slope": 0.1}`: a function applied to each number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::op::{Activate, Function};

/// y = f(x), element by element. The formulas stand at [`Function`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The function f.
    pub function: Function,
    /// Only for `leaky_relu`: the slope below zero (default 0.01).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub slope: Option<f64>,
    /// Only for `elu`: the limit far below zero is -alpha (default 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub alpha: Option<f64>,
}

impl Activation {
    /// The function with its usual constants.
    pub fn new(function: Function) -> Activation {
        Activation {
            function,
            slope: None,
            alpha: None,
        }
    }
}

impl Rule for Activation {
    const KIND: &'static str = "activation";

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let usual = Activate::new(self.function);
        let constant = match self.function {
            Function::LeakyRelu => self.slope,
            Function::Elu => self.alpha,
            _ => None,
        };
        let op = Activate {
            constant: constant.unwrap_or(usual.constant),
            ..usual
        };
        builder.graph.apply(op, &[input])
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.slope.is_some() && self.function != Function::LeakyRelu {
            faults.push(("slope", "only leaky_relu has a slope".to_owned()));
        }
        if self.alpha.is_some() && self.function != Function::Elu {
            faults.push(("alpha", "only elu has an alpha".to_owned()));
        }
        // At a slope of 0 or below, the sign of the output would not tell the sign of the input any more, which is
        // what the derivative rule reads.
        if self
            .slope
            .is_some_and(|slope| !(slope > 0.0 && slope <= 1.0))
        {
            faults.push(("slope", "slope lies above 0 and not above 1".to_owned()));
        }
        if self
            .alpha
            .is_some_and(|alpha| !(alpha > 0.0 && alpha <= 100.0))
        {
            faults.push(("alpha", "alpha lies above 0 and not above 100".to_owned()));
        }
        faults
    }

    fn function(&self) -> Option<Function> {
        Some(self.function)
    }
}
