//! The quotient's numerator as a straight-line program over rows.
//!
//! A [`Program`] computes `sum_i y^(m-1-i) gate_i` in every row of a coset from the values of the
//! columns there. It is compiled once from the constraint system (`symbolic` arranges the
//! gates), and run by [`crate::arith::rows`] over blocks of rows.
//!
//! # Shapes
//! Columns are numbered advice, fixed, instance. A register holds one value for each row of a
//! block; each instruction writes a register that it does not read.

use std::collections::HashMap;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression};

use crate::arith::rows::{Instruction, Operation, Register, Steps};

use crate::scalars::{pseudorandom, ScalarId, Scalars};
use crate::shape::{Shape, ShapeError};
use crate::symbolic::{Atom, AtomId, Poly, Symbolic};

/// Instructions of a program, counted by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gate polynomials.
    pub gates: usize,
    /// Cells read.
    pub loads: usize,
    /// Products of two registers, squares included.
    pub products: usize,
    /// Products with a scalar.
    pub scalings: usize,
    /// Sums, differences, negations.
    pub sums: usize,
    /// Registers.
    pub registers: usize,
}

/// A compiled numerator.
#[derive(Clone, Debug)]
pub struct Program {
    scalars: Scalars,
    instructions: Vec<Instruction>,
    output: Register,
    counts: Counts,
}

impl Program {
    /// Compiles the gates of a constraint system.
    pub fn compile(cs: &ConstraintSystem<Fr>, shape: &Shape) -> Result<Self, ShapeError> {
        let gates: Vec<Expression<Fr>> = cs.gates().iter().flat_map(|gate| gate.polynomials()).cloned().collect();
        Self::of_gates(&gates, shape)
    }

    /// Compiles gate polynomials.
    pub fn of_gates(gates: &[Expression<Fr>], shape: &Shape) -> Result<Self, ShapeError> {
        let mut symbolic = Symbolic::new(shape);
        let poly = symbolic.fold(gates)?;
        let mut emitter = Emitter { symbolic, nodes: Vec::new(), prints: Vec::new(), known: HashMap::new() };
        let output = emitter.poly(poly);
        let Emitter { symbolic, nodes, .. } = emitter;
        let (instructions, output, registers) = allocate(&nodes, output);
        let count = |kind: fn(&Operation) -> bool| instructions.iter().filter(|i| kind(&i.operation)).count();
        let counts = Counts {
            gates: gates.len(),
            loads: count(|o| matches!(o, Operation::Load { .. })),
            products: count(|o| matches!(o, Operation::Multiply(..) | Operation::Square(_))),
            scalings: count(|o| matches!(o, Operation::Scale(..))),
            sums: count(|o| {
                matches!(o, Operation::Add(..) | Operation::Subtract(..) | Operation::Negate(_) | Operation::Offset(..))
            }),
            registers,
        };
        Ok(Self { scalars: symbolic.scalars, instructions, output, counts })
    }

    /// The instructions, for a run.
    pub fn steps(&self) -> Steps<'_> {
        Steps { instructions: &self.instructions, registers: self.counts.registers, output: self.output }
    }

    /// Instructions by kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The scalars that instructions name, for the circuit's challenges and `y`.
    pub fn scalars(&self, challenges: &[Fr], y: Fr) -> Vec<Fr> {
        let all: Vec<Fr> = challenges.iter().copied().chain([y]).collect();
        self.scalars.evaluate(&all)
    }
}

/// A node is an operation on earlier nodes.
type Node = usize;

struct Emitter {
    symbolic: Symbolic,
    nodes: Vec<Operation>,
    prints: Vec<Fr>,
    known: HashMap<Fr, Node>,
}

impl Emitter {
    fn push(&mut self, operation: Operation) -> Node {
        let at = |node: Node| self.prints[node];
        let scalar = |id: ScalarId| self.symbolic.scalars.print(id);
        let print = match operation {
            Operation::Load { column, rotation } => pseudorandom("cell", column, rotation),
            Operation::Fill(id) => scalar(id),
            Operation::Add(a, b) => at(a) + at(b),
            Operation::Subtract(a, b) => at(a) - at(b),
            Operation::Multiply(a, b) => at(a) * at(b),
            Operation::Square(a) => at(a).square(),
            Operation::Negate(a) => -at(a),
            Operation::Scale(a, id) => at(a) * scalar(id),
            Operation::Offset(a, id) => at(a) + scalar(id),
        };
        if let Some(node) = self.known.get(&print) {
            return *node;
        }
        let node = self.nodes.len();
        self.nodes.push(operation);
        self.prints.push(print);
        self.known.insert(print, node);
        node
    }

    fn atom(&mut self, id: AtomId) -> Node {
        match self.symbolic.atom(id).clone() {
            Atom::Cell(column, rotation) => self.push(Operation::Load { column, rotation }),
            Atom::Sum(poly) => self.poly(poly),
        }
    }

    fn multiply(&mut self, a: Node, b: Node) -> Node {
        self.push(if a == b { Operation::Square(a) } else { Operation::Multiply(a, b) })
    }

    /// A polynomial, with shared atoms taken out.
    fn poly(&mut self, poly: Poly) -> Node {
        let mut rest = self.symbolic.expand(poly);
        let one = self.symbolic.scalars.constant(Fr::ONE);
        let mut terms: Vec<(Node, ScalarId)> = Vec::new();
        while let Some(atom) = self.symbolic.most_shared(&rest) {
            let mut inner = Poly::new();
            rest.retain(|atoms, scalar| {
                let found = atoms.iter().position(|other| *other == atom);
                if let Some(at) = found {
                    let mut atoms = atoms.clone();
                    atoms.remove(at);
                    inner.insert(atoms, *scalar);
                }
                found.is_none()
            });
            let (inner, factor) = (self.poly(inner), self.atom(atom));
            terms.push((self.multiply(factor, inner), one));
        }
        let mut constant = None;
        for (atoms, scalar) in rest {
            let mut product = None;
            for atom in atoms {
                let factor = self.atom(atom);
                product = Some(product.map_or(factor, |product| self.multiply(product, factor)));
            }
            match product {
                Some(product) => terms.push((product, scalar)),
                None => constant = Some(scalar),
            }
        }
        self.sum(terms, constant)
    }

    /// `sum scalar_i node_i + constant`, terms of one scalar together.
    fn sum(&mut self, terms: Vec<(Node, ScalarId)>, constant: Option<ScalarId>) -> Node {
        let one = self.symbolic.scalars.constant(Fr::ONE);
        let mut groups: Vec<(ScalarId, Vec<(bool, Node)>)> = Vec::new();
        for (node, scalar) in terms {
            let (minus, scalar) = self.symbolic.scalars.split_sign(scalar);
            match groups.iter_mut().find(|group| group.0 == scalar) {
                Some(group) => group.1.push((minus, node)),
                None => groups.push((scalar, vec![(minus, node)])),
            }
        }
        let mut units = Vec::new();
        for (scalar, members) in groups {
            if scalar == one {
                units.extend(members);
            } else if let Some((minus, node)) = self.signed_sum(members) {
                units.push((minus, self.push(Operation::Scale(node, scalar))));
            }
        }
        let Some((minus, node)) = self.signed_sum(units) else {
            let constant = constant.unwrap_or_else(|| self.symbolic.scalars.constant(Fr::ZERO));
            return self.push(Operation::Fill(constant));
        };
        let node = if minus { self.push(Operation::Negate(node)) } else { node };
        constant.map_or(node, |constant| self.push(Operation::Offset(node, constant)))
    }

    /// A sum of nodes with signs (`true` is minus), with a sign of its own; `None` if empty.
    fn signed_sum(&mut self, members: Vec<(bool, Node)>) -> Option<(bool, Node)> {
        let all_minus = members.iter().all(|(minus, _)| *minus);
        let (minus, plus): (Vec<_>, Vec<_>) = members.into_iter().partition(|(minus, _)| *minus != all_minus);
        let mut nodes = plus.into_iter().map(|(_, node)| node);
        let first = nodes.next()?;
        let sum = nodes.fold(first, |sum, node| self.push(Operation::Add(sum, node)));
        let sum = minus.into_iter().fold(sum, |sum, (_, node)| self.push(Operation::Subtract(sum, node)));
        Some((all_minus, sum))
    }
}

/// Orders nodes by need and gives them registers; a register is free after its last use.
fn allocate(nodes: &[Operation], output: Node) -> (Vec<Instruction>, Register, usize) {
    // Loads and cheap nodes are placed right before their first use, so that they live shortly.
    let mut order = Vec::new();
    let mut placed = vec![false; nodes.len()];
    let mut stack = vec![(output, false)];
    while let Some((node, ready)) = stack.pop() {
        if placed[node] {
            continue;
        }
        if ready {
            placed[node] = true;
            order.push(node);
        } else {
            stack.push((node, true));
            nodes[node].operands().into_iter().flatten().for_each(|operand| stack.push((operand, false)));
        }
    }
    let mut last = vec![0; nodes.len()];
    for (at, node) in order.iter().enumerate() {
        nodes[*node].operands().into_iter().flatten().for_each(|operand| last[operand] = at);
    }
    last[output] = order.len();
    let (mut registers, mut free, mut count) = (vec![0; nodes.len()], Vec::new(), 0);
    let mut instructions = Vec::with_capacity(order.len());
    for (at, node) in order.into_iter().enumerate() {
        let to = free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        });
        registers[node] = to;
        instructions.push(Instruction { to, operation: nodes[node].map(|operand| registers[operand]) });
        let mut done: Vec<Node> = nodes[node].operands().into_iter().flatten().collect();
        done.dedup();
        free.extend(done.into_iter().filter(|operand| last[*operand] == at).map(|operand| registers[operand]));
    }
    (instructions, registers[output], count)
}
