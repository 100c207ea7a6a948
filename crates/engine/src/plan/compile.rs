//! From graph to program: what is needed, in which order, merged into as few instructions as possible, and where each
//! value lies.

use super::PlanError;
use super::arena::{Lifetime, place};
use super::program::{Instruction, Operand, Place, Program, Root, Stage};
use crate::graph::{Graph, Node, NodeId, Origin, Shape};
use crate::op::{MAX_INPUTS, Op};

/// What a program must leave behind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Results<'a> {
    /// Nodes whose values must survive until the end.
    pub(super) keep: &'a [NodeId],
    /// Nodes whose values must lie at these elements of the arena, one behind the other from 0 to `pinned_len`.
    pub(super) pinned: &'a [(NodeId, usize)],
    /// Elements before the first value that is not pinned.
    pub(super) pinned_len: usize,
}

/// An instruction while it is being built: its op's node, and the element-wise nodes appended to it.
struct Draft {
    root: NodeId,
    stages: Vec<NodeId>,
    /// The root is itself element-wise: the instruction copies its first input.
    copies: bool,
}

impl Draft {
    /// The node whose value the instruction leaves.
    fn result(&self) -> NodeId {
        self.stages.last().copied().unwrap_or(self.root)
    }
}

impl Program {
    /// Compiles the part of a graph that the results depend on, for batches of up to `capacity` rows.
    pub(super) fn compile(
        graph: &Graph,
        results: Results<'_>,
        capacity: usize,
    ) -> Result<Program, PlanError> {
        if capacity == 0 {
            return Err(PlanError::EmptyBatch);
        }
        let wanted: Vec<NodeId> = results
            .keep
            .iter()
            .copied()
            .chain(results.pinned.iter().map(|(node, _)| *node))
            .collect();
        let needed = needed(graph, &wanted);
        let sources = sources(graph);
        let drafts = merge(graph, &needed, &wanted, &sources);
        let mut constants = Vec::new();
        let mut places = leaves(graph, &needed, &mut constants);
        let arena_len = place_values(graph, &drafts, results, capacity, &sources, &mut places)?;
        let instructions = drafts
            .iter()
            .map(|draft| instruction(graph, draft, &places));
        let copies = copies(graph, results, &places);
        let shaped = |(&place, node): (&Place, &Node)| Operand {
            place,
            shape: node.shape,
        };
        Ok(Program {
            instructions: instructions.chain(copies).collect(),
            places: places.iter().zip(graph.nodes()).map(shaped).collect(),
            constants,
            arena_len,
            capacity,
        })
    }
}

/// For every node: does a wanted one depend on it?
fn needed(graph: &Graph, wanted: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    for &node in wanted {
        needed[node.index()] = true;
    }
    for id in graph.ids().rev() {
        if needed[id.index()] {
            for input in &graph.node(id).inputs {
                needed[input.index()] = true;
            }
        }
    }
    needed
}

/// For every node, the node that holds its numbers: itself, unless it only sees another in a different shape.
fn sources(graph: &Graph) -> Vec<NodeId> {
    let mut sources: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    for id in graph.ids() {
        let node = graph.node(id);
        sources.push(match node.origin {
            Origin::Computed(Op::Reshape(_)) => sources[node.inputs[0].index()],
            _ => id,
        });
    }
    sources
}

/// Appends each element-wise node to the instruction that computes its first input, when nobody else reads that input
/// and the other inputs are computed before.
fn merge(graph: &Graph, needed: &[bool], wanted: &[NodeId], sources: &[NodeId]) -> Vec<Draft> {
    let mut n_readers = vec![0_usize; graph.nodes().len()];
    let holds_numbers = |id: &NodeId| sources[id.index()] == *id;
    for id in graph.ids().filter(|id| needed[id.index()]) {
        for input in graph.node(id).inputs.iter().filter(|_| holds_numbers(&id)) {
            n_readers[sources[input.index()].index()] += 1;
        }
    }
    for node in wanted {
        n_readers[sources[node.index()].index()] += 1;
    }
    let mut drafts: Vec<Draft> = Vec::new();
    // The instruction that computes a node, and so the earliest one that may read it is the next.
    let mut computed_by: Vec<Option<usize>> = vec![None; graph.nodes().len()];
    for id in graph
        .ids()
        .filter(|id| needed[id.index()] && holds_numbers(id))
    {
        let node = graph.node(id);
        let Origin::Computed(op) = &node.origin else {
            continue;
        };
        let copies = op.element_wise();
        let first = sources[node.inputs[0].index()];
        let host = computed_by[first.index()].filter(|&host| {
            let known_before = |input: &NodeId| {
                computed_by[sources[input.index()].index()].is_none_or(|at| at < host)
            };
            copies
                && n_readers[first.index()] == 1
                && drafts[host].result() == first
                && node.inputs[1..].iter().all(known_before)
                && keeps_rows_whole(graph, drafts[host].root, node.shape)
        });
        match host {
            Some(host) => {
                drafts[host].stages.push(id);
                computed_by[id.index()] = Some(host);
            }
            None => {
                computed_by[id.index()] = Some(drafts.len());
                drafts.push(Draft {
                    root: id,
                    stages: Vec::new(),
                    copies,
                });
            }
        }
    }
    drafts
}

/// Whether threads that divide the output of `root` between rows (or samples) never cut a row of `stage`.
fn keeps_rows_whole(graph: &Graph, root: NodeId, stage: Shape) -> bool {
    let by_samples = match &graph.node(root).origin {
        Origin::Computed(op) => op.element_wise() || !op.split().by_rows(),
        _ => true,
    };
    by_samples || graph.shape(root).cols.is_multiple_of(stage.cols)
}

/// The places of everything that is not computed.
fn leaves(graph: &Graph, needed: &[bool], constants: &mut Vec<f64>) -> Vec<Place> {
    let offsets = graph.parameter_offsets();
    let place_of = |(index, node): (usize, &Node)| match &node.origin {
        _ if !needed[index] => Place::Nowhere,
        Origin::Features => Place::Features,
        Origin::Targets => Place::Targets,
        Origin::Labels => Place::Labels,
        Origin::Parameter(position) => Place::Parameter(offsets[*position]),
        Origin::Constant(numbers) => {
            constants.extend_from_slice(numbers);
            Place::Constant(constants.len() - numbers.len())
        }
        Origin::Computed(_) => Place::Nowhere,
    };
    graph.nodes().iter().enumerate().map(place_of).collect()
}

/// Gives every instruction's result a place in the arena and answers the arena's length.
fn place_values(
    graph: &Graph,
    drafts: &[Draft],
    results: Results<'_>,
    capacity: usize,
    sources: &[NodeId],
    places: &mut [Place],
) -> Result<usize, PlanError> {
    let last_read = last_reads(graph, drafts, sources);
    let holder = |node: NodeId| sources[node.index()];
    let (mut owners, mut lifetimes) = (Vec::new(), Vec::new());
    for (at, draft) in drafts.iter().enumerate() {
        let id = draft.result();
        if let Some((_, start)) = results.pinned.iter().find(|(node, _)| holder(*node) == id) {
            places[id.index()] = Place::Value(*start);
            continue;
        }
        let last = if results.keep.iter().any(|&node| holder(node) == id) {
            usize::MAX
        } else {
            last_read[id.index()].max(at)
        };
        let Shape { rows, cols } = graph.shape(id);
        let len = rows.count(capacity).checked_mul(cols);
        owners.push(id);
        lifetimes.push(Lifetime {
            first: at,
            last,
            len: len.ok_or(PlanError::TooLarge)?,
        });
    }
    let (starts, total) = place(results.pinned_len, &lifetimes).ok_or(PlanError::TooLarge)?;
    for (id, start) in owners.into_iter().zip(starts) {
        places[id.index()] = Place::Value(start);
    }
    // Ids ascend, so the place of what a node sees is known before.
    for id in graph.ids() {
        places[id.index()] = places[holder(id).index()];
    }
    Some(total)
        .filter(|&total| total <= isize::MAX as usize / 16)
        .ok_or(PlanError::TooLarge)
}

/// Copies to the pinned places that their nodes do not lie at: those of a node that is pinned twice (a gradient that
/// two parameters share), or that is not computed at all.
fn copies(graph: &Graph, results: Results<'_>, places: &[Place]) -> Vec<Instruction> {
    let copy = |&(node, out): &(NodeId, usize)| {
        let (place, shape) = (places[node.index()], graph.shape(node));
        (place != Place::Value(out)).then(|| Instruction {
            root: Root::Copy,
            inputs: vec![Operand { place, shape }],
            input_shapes: vec![shape],
            stages: Vec::new(),
            packed: false,
            kept: None,
            block_len: usize::MAX,
            out,
            shape,
        })
    };
    results.pinned.iter().filter_map(copy).collect()
}

/// For every node, the last instruction that reads it.
fn last_reads(graph: &Graph, drafts: &[Draft], sources: &[NodeId]) -> Vec<usize> {
    let mut last_read = vec![0; graph.nodes().len()];
    for (at, draft) in drafts.iter().enumerate() {
        for id in std::iter::once(draft.root).chain(draft.stages.iter().copied()) {
            for input in &graph.node(id).inputs {
                last_read[sources[input.index()].index()] = at;
            }
        }
    }
    last_read
}

/// The finished instruction. Every place it names was given before.
fn instruction(graph: &Graph, draft: &Draft, places: &[Place]) -> Instruction {
    let operand = |id: &NodeId| Operand {
        place: places[id.index()],
        shape: graph.shape(*id),
    };
    let op = |id: NodeId| match &graph.node(id).origin {
        Origin::Computed(op) => Some(op.clone()),
        _ => None,
    };
    let stage = |id: NodeId| {
        let inputs = graph.node(id).inputs[1..].iter().map(operand).collect();
        op(id).map(|op| Stage { op, inputs })
    };
    let all: Vec<Operand> = graph.node(draft.root).inputs.iter().map(operand).collect();
    debug_assert!(all.len() <= MAX_INPUTS);
    let own = draft.copies.then_some(draft.root);
    let (root, inputs) = match op(draft.root) {
        Some(op) if !draft.copies => (Root::Op(op), all),
        _ => (Root::Copy, all[..1].to_vec()),
    };
    let stages = own
        .into_iter()
        .chain(draft.stages.iter().copied())
        .filter_map(stage)
        .collect();
    let result = draft.result();
    let out = match places[result.index()] {
        Place::Value(start) => start,
        other => unreachable!("a result lies in the arena, not at {other:?}"),
    };
    let mut instruction = Instruction {
        root,
        input_shapes: inputs.iter().map(|operand| operand.shape).collect(),
        inputs,
        stages,
        packed: false,
        kept: None,
        block_len: usize::MAX,
        out,
        shape: graph.shape(result),
    };
    instruction.block_len = instruction.samples_block();
    instruction
}
