//! Reverse mode: adds the nodes that compute derivatives to the graph that holds the values.
//!
//! The walk goes from the result back to the leaves. Each op's rule turns the gradient of its output into the gradient
//! of one input; gradients that meet in a node are added.

use super::{Graph, GraphError, Node, NodeId, Origin};
use crate::op::{Add, Derivation};

impl Graph {
    /// Adds the gradients of `sum(seed * output)` with respect to each node of `wrt` and answers their nodes, in order.
    ///
    /// `seed` has the shape of `output`; for a scalar loss it is the constant 1. A node that the output does not depend
    /// on answers `None`.
    pub fn gradients(
        &mut self,
        output: NodeId,
        seed: NodeId,
        wrt: &[NodeId],
    ) -> Result<Vec<Option<NodeId>>, GraphError> {
        let needed = self.depends_on(output, wrt);
        let mut gradient: Vec<Option<NodeId>> = vec![None; output.index() + 1];
        gradient[output.index()] = Some(seed);
        for id in self.ids().take(output.index() + 1).rev() {
            let (Some(g), true) = (gradient[id.index()], needed[id.index()]) else {
                continue;
            };
            let node = self.node(id).clone();
            let Origin::Computed(op) = &node.origin else {
                continue;
            };
            for (input_idx, &input) in node.inputs.iter().enumerate() {
                if !needed[input.index()] {
                    continue;
                }
                let at = Derivation {
                    inputs: &node.inputs,
                    output: id,
                    gradient: g,
                    input_idx,
                };
                let contribution = op.derive(self, at)?;
                gradient[input.index()] = Some(match gradient[input.index()] {
                    None => contribution,
                    Some(sum) => self.apply(Add, &[sum, contribution])?,
                });
            }
        }
        Ok(wrt
            .iter()
            .map(|leaf| gradient.get(leaf.index()).copied().flatten())
            .collect())
    }

    /// For every node up to `output`: does it depend on one of `wrt`?
    fn depends_on(&self, output: NodeId, wrt: &[NodeId]) -> Vec<bool> {
        let mut depends = vec![false; output.index() + 1];
        for id in self.ids().take(output.index() + 1) {
            let Node { origin, inputs, .. } = self.node(id);
            let detached = matches!(origin, Origin::Computed(op) if op.detached());
            depends[id.index()] =
                wrt.contains(&id) || !detached && inputs.iter().any(|input| depends[input.index()]);
        }
        depends
    }
}
