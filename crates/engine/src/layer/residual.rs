//! `{"kind": "residual", "layers": [...], "activation": "relu"}`: layers with a way around them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::geometry::image_of;
use super::{Layer, Rule};
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Activate, Add, AveragePool, Function, MatMul, Window};
use crate::sample::SampleShape;

/// y = f(F(x) + x), with F the inner layers (He et al. 2016).
///
/// Where F changes the shape, x goes through a projection: every s-th pixel (or step), each multiplied with a matrix that is
/// trained, which is a convolution of size 1 and stride s (option B of the paper).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// The layers that are gone around, in order.
    #[schemars(length(min = 1, max = 256))]
    pub layers: Vec<Layer>,
    /// Function applied to the sum; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Function>,
}

/// How x gets the shape of F(x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Projection {
    /// Picks every s-th pixel.
    pixels: Option<Window>,
    n_pixels: usize,
    n_in: usize,
    n_out: usize,
}

impl Residual {
    /// Layers with a way around them.
    pub fn new(layers: Vec<Layer>) -> Residual {
        Residual {
            layers,
            activation: None,
        }
    }

    /// What goes into each inner layer, and what comes out of the last.
    fn shapes(&self, input: SampleShape) -> Result<Vec<SampleShape>, String> {
        let mut shapes = vec![input];
        let mut shape = input;
        for (idx, layer) in self.layers.iter().enumerate() {
            shape = layer.output_shape(shape).map_err(|wanted| {
                format!(
                    "has a layer {idx} ({}) that {wanted}, and {shape} comes into it",
                    layer.kind()
                )
            })?;
            // As of the layers of a network: far beyond any memory, and far from where products of sizes overflow.
            if shape.n_numbers() > isize::MAX as usize / 8 {
                return Err(format!(
                    "has a layer {idx} ({}) whose output no memory can hold",
                    layer.kind()
                ));
            }
            shapes.push(shape);
        }
        Ok(shapes)
    }

    /// The projection that is needed between these shapes, or why there is none.
    fn projection(input: SampleShape, output: SampleShape) -> Result<Option<Projection>, String> {
        if input == output {
            return Ok(None);
        }
        if let (SampleShape::Vector { features: n_in }, SampleShape::Vector { features: n_out }) =
            (input, output)
        {
            return Ok(Some(Projection {
                pixels: None,
                n_pixels: 1,
                n_in,
                n_out,
            }));
        }
        let misfit =
            || format!("has layers that make {output} of {input}, around which no stride leads");
        if input.name() != output.name() {
            return Err(misfit());
        }
        let (Some(from), Some(to)) = (image_of(input), image_of(output)) else {
            return Err(misfit());
        };
        let stride = [0, 1].map(|axis| from[axis].div_ceil(to[axis].max(1)));
        if [0, 1]
            .iter()
            .any(|&axis| stride[axis] == 0 || from[axis].div_ceil(stride[axis]) != to[axis])
        {
            return Err(misfit());
        }
        let window = Window {
            height: from[0],
            width: from[1],
            channels: from[2],
            size: [1, 1],
            stride,
            padding: [0, 0],
        };
        Ok(Some(Projection {
            pixels: (stride != [1, 1]).then_some(window),
            n_pixels: to[0] * to[1],
            n_in: from[2],
            n_out: to[2],
        }))
    }

    /// Adds the projection; `weight` is the number of its matrix among the layer's parameters.
    fn project(
        projection: Projection,
        builder: &mut Builder<'_>,
        weight: usize,
        input: NodeId,
    ) -> Result<NodeId, GraphError> {
        let Projection {
            pixels,
            n_pixels,
            n_in,
            n_out,
        } = projection;
        let weight = builder.parameter(weight);
        let picked = match pixels {
            Some(window) => builder.graph.apply(AveragePool { window }, &[input])?,
            None => input,
        };
        let x = builder.graph.view(picked, n_pixels, n_in)?;
        let y = builder.graph.apply(MatMul::plain(), &[x, weight])?;
        builder.graph.view(y, 1, n_pixels * n_out)
    }
}

impl Rule for Residual {
    const KIND: &'static str = "residual";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let output = self.shapes(input)?.last().copied().unwrap_or(input);
        Residual::projection(input, output).map(|_| output)
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let shapes = self.shapes(input).unwrap_or_default();
        let mut parameters = Vec::new();
        for (idx, (layer, &shape)) in self.layers.iter().zip(&shapes).enumerate() {
            let own = layer.parameters(shape).into_iter();
            parameters.extend(own.map(|parameter| parameter.inside(&format!("layers.{idx}"))));
        }
        let output = shapes.last().copied().unwrap_or(input);
        if let Ok(Some(Projection { n_in, n_out, .. })) = Residual::projection(input, output) {
            let weight = ParameterSpec::weight("weight", n_in, n_out, Init::GlorotUniform);
            parameters.push(weight.inside("projection"));
        }
        parameters
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let outer = builder.input;
        let shapes = self
            .shapes(outer)
            .map_err(|_| builder.unfit(Self::KIND, input))?;
        let (mut node, mut first) = (input, 0);
        for (layer, &shape) in self.layers.iter().zip(&shapes) {
            node = builder.inner(layer, first, shape, node)?;
            first += layer.parameters(shape).len();
        }
        let output = shapes.last().copied().unwrap_or(outer);
        let around = match Residual::projection(outer, output) {
            Ok(None) => input,
            Ok(Some(projection)) => Residual::project(projection, builder, first, input)?,
            Err(_) => return Err(builder.unfit(Self::KIND, input)),
        };
        let sum = builder.graph.apply(Add, &[node, around])?;
        match self.activation {
            Some(function) => builder.graph.apply(Activate::new(function), &[sum]),
            None => Ok(sum),
        }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        if self.layers.is_empty() {
            return vec![("layers", "a residual has at least one layer".to_owned())];
        }
        let mut faults = Vec::new();
        for (idx, layer) in self.layers.iter().enumerate() {
            for (_, reason) in layer.faults() {
                let reason = format!("layer {idx} inside ({}): {reason}", layer.kind());
                faults.push(("layers", reason));
            }
        }
        faults
    }

    fn resolved(&self) -> Residual {
        Residual {
            layers: self.layers.iter().map(Layer::resolved).collect(),
            activation: self.activation,
        }
    }

    fn function(&self) -> Option<Function> {
        self.activation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Head, Network, NetworkError, Outcome};
    use serde_json::json;

    #[test]
    fn what_no_memory_can_hold_is_refused_inside_as_outside() {
        let upsample = json!({"kind": "upsample", "factor": 65_536});
        let layers =
            json!([{"kind": "residual", "layers": [upsample, upsample, {"kind": "global_pool"}]}]);
        let layers: Vec<Layer> = serde_json::from_value(layers).expect("they are layers");
        let input = SampleShape::Image {
            height: 28,
            width: 28,
            channels: 1,
        };
        let head = Head {
            n_outputs: 2,
            outcome: Outcome::Classes,
        };
        let error = Network::build(&layers, input, head).expect_err("it is too large");
        assert!(
            matches!(&error, NetworkError::Input { wanted, .. } if wanted.contains("layer 1 (upsample)")),
            "{error}"
        );
    }
}
