//! Constraint expressions as one graph without repeated subexpressions.
//!
//! halo2 hands out expressions as trees in which a power such as c^128, built by squaring, has 128
//! leaves. Hash-consing turns equal subtrees into one node, so such a power is seven products again,
//! and what several gates share is computed once. Constants are folded, signs are pulled outwards.

use std::collections::HashMap;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::plonk::{ConstraintSystem, Expression};

use super::GeneratorError;

/// Index of a node; operands come before the nodes that use them.
pub(super) type Id = usize;

/// An input of the constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leaf {
    /// The n-th advice query.
    Advice(usize),
    /// The n-th fixed query.
    Fixed(usize),
    /// The n-th instance query.
    Instance(usize),
    /// The n-th challenge.
    Challenge(usize),
}

/// A node: operands of sums and products are ordered, so equal ones have one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Constant([u8; 32]),
    Leaf(Leaf),
    Negated(Id),
    Sum(Id, Id),
    Product(Id, Id),
}

/// The graph, and the node of each constraint in the order of the verifying key.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<Id>,
    known: HashMap<Node, Id>,
}

impl Graph {
    /// The graph of all gate polynomials.
    ///
    /// # Errors
    /// [`GeneratorError::Unsupported`] where a virtual selector is left, which a key made by keygen
    /// never has.
    pub(super) fn new(cs: &ConstraintSystem<Fr>) -> Result<Self, GeneratorError> {
        let mut graph = Graph::default();
        for gate in cs.gates() {
            for polynomial in gate.polynomials() {
                let root = graph.add(cs, polynomial)?;
                graph.roots.push(root);
            }
        }
        Ok(graph)
    }

    /// How often each node's value is read when every sum and product is computed once and a
    /// negation is written out at each use.
    pub(super) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        for root in &self.roots {
            uses[*root] += 1;
        }
        for id in (0..self.nodes.len()).rev() {
            match self.nodes[id] {
                Node::Negated(a) => uses[a] += uses[id],
                Node::Sum(a, b) | Node::Product(a, b) if uses[id] > 0 => {
                    uses[a] += 1;
                    uses[b] += 1;
                }
                _ => {}
            }
        }
        uses
    }

    fn add(&mut self, cs: &ConstraintSystem<Fr>, expression: &Expression<Fr>) -> Result<Id, GeneratorError> {
        Ok(match expression {
            Expression::Constant(c) => self.constant(*c),
            Expression::Selector(_) => return Err(GeneratorError::unsupported("a virtual selector")),
            Expression::Fixed(q) => {
                let at = (q.column_index(), q.rotation());
                let n = cs.fixed_queries().iter();
                let n = position(n.map(|(c, r)| (c.index(), *r)), at, "fixed")?;
                self.node(Node::Leaf(Leaf::Fixed(n)))
            }
            Expression::Advice(q) => {
                let at = (q.column_index(), q.rotation());
                let n = cs.advice_queries().iter();
                let n = position(n.map(|(c, r)| (c.index(), *r)), at, "advice")?;
                self.node(Node::Leaf(Leaf::Advice(n)))
            }
            Expression::Instance(q) => {
                let at = (q.column_index(), q.rotation());
                let n = cs.instance_queries().iter();
                let n = position(n.map(|(c, r)| (c.index(), *r)), at, "instance")?;
                self.node(Node::Leaf(Leaf::Instance(n)))
            }
            Expression::Challenge(c) => self.node(Node::Leaf(Leaf::Challenge(c.index()))),
            Expression::Negated(a) => {
                let a = self.add(cs, a)?;
                self.negated(a)
            }
            Expression::Sum(a, b) => {
                let (a, b) = (self.add(cs, a)?, self.add(cs, b)?);
                self.sum(a, b)
            }
            Expression::Product(a, b) => {
                let (a, b) = (self.add(cs, a)?, self.add(cs, b)?);
                self.product(a, b)
            }
            Expression::Scaled(a, c) => {
                let a = self.add(cs, a)?;
                let c = self.constant(*c);
                self.product(a, c)
            }
        })
    }

    fn node(&mut self, node: Node) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let id = self.nodes.len();
        self.nodes.push(node);
        self.known.insert(node, id);
        id
    }

    /// A constant above r/2 becomes a negated small one, so that c and -c share a node.
    fn constant(&mut self, c: Fr) -> Id {
        let (plain, minus) = (big_endian(&c), big_endian(&-c));
        if minus < plain && !bool::from(c.is_zero()) {
            let id = self.node(Node::Constant(minus));
            return self.negated(id);
        }
        self.node(Node::Constant(plain))
    }

    /// The value of a node that is a constant or a negated one.
    fn value(&self, id: Id) -> Option<Fr> {
        match self.nodes[id] {
            Node::Constant(bytes) => scalar(&bytes),
            Node::Negated(a) => match self.nodes[a] {
                Node::Constant(bytes) => scalar(&bytes).map(|c| -c),
                _ => None,
            },
            _ => None,
        }
    }

    fn negated(&mut self, a: Id) -> Id {
        match self.nodes[a] {
            Node::Negated(inner) => inner,
            Node::Constant(bytes) if bytes == [0; 32] => a,
            _ => self.node(Node::Negated(a)),
        }
    }

    fn sum(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(x), Some(y)) => return self.constant(x + y),
            (Some(x), _) if bool::from(x.is_zero()) => return b,
            (_, Some(y)) if bool::from(y.is_zero()) => return a,
            _ => {}
        }
        if let (Node::Negated(x), Node::Negated(y)) = (self.nodes[a], self.nodes[b]) {
            let inner = self.sum(x, y);
            return self.negated(inner);
        }
        self.node(Node::Sum(a.min(b), a.max(b)))
    }

    fn product(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(x), Some(y)) => return self.constant(x * y),
            (Some(x), _) if bool::from(x.is_zero()) => return a,
            (_, Some(y)) if bool::from(y.is_zero()) => return b,
            (Some(x), _) if x == Fr::ONE => return b,
            (_, Some(y)) if y == Fr::ONE => return a,
            _ => {}
        }
        // At most one factor is a constant here, so -1 meets something that is not one.
        if let Node::Negated(x) = self.nodes[a] {
            let inner = self.product(x, b);
            return self.negated(inner);
        }
        if let Node::Negated(y) = self.nodes[b] {
            let inner = self.product(a, y);
            return self.negated(inner);
        }
        self.node(Node::Product(a.min(b), a.max(b)))
    }
}

/// A scalar as 32 big-endian bytes.
pub(super) fn big_endian(c: &Fr) -> [u8; 32] {
    let mut bytes = c.to_repr();
    bytes.reverse();
    bytes
}

fn scalar(bytes: &[u8; 32]) -> Option<Fr> {
    let mut bytes = *bytes;
    bytes.reverse();
    Option::from(Fr::from_repr(bytes))
}

fn position<T: PartialEq>(mut queries: impl Iterator<Item = T>, at: T, kind: &str) -> Result<usize, GeneratorError> {
    queries
        .position(|query| query == at)
        .ok_or_else(|| GeneratorError::unsupported(format!("a gate that reads an unlisted {kind} query")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(graph: &mut Graph, n: usize) -> Id {
        graph.node(Node::Leaf(Leaf::Challenge(n)))
    }

    #[test]
    fn a_power_by_squaring_is_one_product_per_step() {
        let cs = ConstraintSystem::<Fr>::default();
        let mut graph = Graph::default();
        let mut tree = Expression::Constant(Fr::from(7)) + Expression::Constant(Fr::from(2));
        let base = graph.add(&cs, &tree).unwrap();
        assert_eq!(graph.value(base), Some(Fr::from(9)));
        let c = leaf(&mut graph, 0);
        let mut id = c;
        for _ in 0..20 {
            id = graph.product(id, id);
        }
        assert_eq!(graph.nodes.len(), 2 + 1 + 1 + 20);
        for _ in 0..4 {
            tree = tree.clone() * tree;
        }
        let folded = graph.add(&cs, &tree).unwrap();
        assert_eq!(graph.value(folded), Some(Fr::from(9).pow([16])));
    }

    #[test]
    fn sums_and_products_have_one_form() {
        let mut graph = Graph::default();
        let (a, b) = (leaf(&mut graph, 0), leaf(&mut graph, 1));
        assert_eq!(graph.sum(a, b), graph.sum(b, a));
        let minus_a = graph.negated(a);
        let left = graph.product(minus_a, b);
        let product = graph.product(b, a);
        assert_eq!(left, graph.negated(product));
        assert_eq!(graph.negated(minus_a), a);
        let minus_one = graph.constant(-Fr::ONE);
        assert_eq!(graph.product(minus_one, a), minus_a);
        let zero = graph.constant(Fr::ZERO);
        assert_eq!(graph.sum(zero, a), a);
        assert_eq!(graph.product(zero, a), zero);
    }

    #[test]
    fn a_negation_hands_its_uses_on() {
        let mut graph = Graph::default();
        let (a, b) = (leaf(&mut graph, 0), leaf(&mut graph, 1));
        let product = graph.product(a, b);
        let minus = graph.negated(product);
        let (x, y) = (graph.sum(minus, a), graph.sum(minus, b));
        graph.roots = vec![x, y];
        assert_eq!(graph.uses()[product], 2);
    }
}
