//! Yul code that folds all constraints into one value, operands in memory.
//!
//! Every sum or product that is read more than once gets a memory word, which is free again after
//! its last reader; so does any operand that would need more than [`MAX_DEPTH`] stack slots.
//! No function has local variables besides its parameters: the depth of the stack does not depend
//! on the circuit.

use super::dag::{Graph, Id, Leaf, Node};

/// Most stack slots that one expression may take, below the 16 that DUP reaches less those of the
/// function's frame.
const MAX_DEPTH: usize = 8;

/// Largest multiple of r that a word holds: r is above 2^256 / 6 and below 2^256 / 5.
pub(super) const MAX_MULTIPLE: usize = 5;

/// Statements in one function.
const CHUNK: usize = 48;

/// An expression over memory words.
#[derive(Clone, Debug)]
enum Term {
    Leaf(Leaf),
    Constant([u8; 32]),
    Temp(usize),
    Negated(Box<Term>),
    Sum(Box<Term>, Box<Term>),
    Product(Box<Term>, Box<Term>),
}

#[derive(Clone, Debug)]
enum Statement {
    /// Store a value in a virtual word.
    Store(usize, Term),
    /// acc = acc * y + term.
    Fold(Term),
}

/// The constraints as a list of statements over memory words.
#[derive(Clone, Debug)]
pub(super) struct Program {
    statements: Vec<Statement>,
    /// The word of each virtual word after sharing.
    words: Vec<usize>,
    /// Words of memory needed.
    pub(super) temps: usize,
}

struct Builder<'a> {
    graph: &'a Graph,
    uses: Vec<usize>,
    stored: Vec<Option<usize>>,
    statements: Vec<Statement>,
    temps: usize,
}

impl Builder<'_> {
    fn store(&mut self, term: Term) -> usize {
        let temp = self.temps;
        self.temps += 1;
        self.statements.push(Statement::Store(temp, term));
        temp
    }

    /// The term of a node, after the statements it needs, and the stack slots it takes.
    fn term(&mut self, id: Id) -> (Term, usize) {
        if let Some(temp) = self.stored[id] {
            return (Term::Temp(temp), 1);
        }
        let (a, b, product) = match self.graph.nodes[id] {
            Node::Constant(bytes) => return (Term::Constant(bytes), 1),
            Node::Leaf(leaf) => return (Term::Leaf(leaf), 1),
            Node::Negated(a) => {
                let (a, depth) = self.term(a);
                return (Term::Negated(Box::new(a)), depth.max(2));
            }
            Node::Sum(a, b) => (a, b, false),
            Node::Product(a, b) => (a, b, true),
        };
        let (mut first, mut second) = (self.term(a), self.term(b));
        // The modulus is pushed first, then the second operand, then the first.
        if first.1 > second.1 {
            std::mem::swap(&mut first, &mut second);
        }
        if second.1 + 1 > MAX_DEPTH {
            second = (Term::Temp(self.store(second.0)), 1);
        }
        if first.1 + 2 > MAX_DEPTH {
            first = (Term::Temp(self.store(first.0)), 1);
        }
        let depth = (second.1 + 1).max(first.1 + 2);
        let (first, second) = (Box::new(first.0), Box::new(second.0));
        let term = if product { Term::Product(first, second) } else { Term::Sum(first, second) };
        if self.uses[id] > 1 {
            let temp = self.store(term);
            self.stored[id] = Some(temp);
            return (Term::Temp(temp), 1);
        }
        (term, depth)
    }
}

impl Program {
    /// The program of a graph.
    pub(super) fn new(graph: &Graph) -> Self {
        let mut builder = Builder {
            graph,
            uses: graph.uses(),
            stored: vec![None; graph.nodes.len()],
            statements: Vec::new(),
            temps: 0,
        };
        for root in &graph.roots {
            let (term, _) = builder.term(*root);
            builder.statements.push(Statement::Fold(term));
        }
        let (words, temps) = share_words(&builder.statements, builder.temps);
        Program { statements: builder.statements, words, temps }
    }

    /// Constraints folded.
    pub(super) fn folds(&self) -> usize {
        let folds = self.statements.iter();
        folds.filter(|s| matches!(s, Statement::Fold(_))).count()
    }

    /// Sums and products, which a contract's size is mostly made of.
    pub(super) fn operations(&self) -> usize {
        let mut count = 0;
        for statement in &self.statements {
            let (Statement::Store(_, term) | Statement::Fold(term)) = statement;
            term.visit(&mut |term| count += usize::from(matches!(term, Term::Sum(..) | Term::Product(..))));
        }
        count
    }

    /// Constants of the program, each once.
    pub(super) fn constants(&self) -> Vec<[u8; 32]> {
        let mut constants = Vec::new();
        for statement in &self.statements {
            let (Statement::Store(_, term) | Statement::Fold(term)) = statement;
            term.visit(&mut |term| {
                if let Term::Constant(bytes) = term {
                    if !constants.contains(bytes) {
                        constants.push(*bytes);
                    }
                }
            });
        }
        constants
    }

    /// The statements in chunks of one Yul function each, over the variables `acc`, `y` and `r`,
    /// given how to read a leaf and a constant, and the address of a temporary word.
    pub(super) fn yul(
        &self,
        leaf: &dyn Fn(Leaf) -> String,
        constant: &dyn Fn(&[u8; 32]) -> String,
        temp: &dyn Fn(usize) -> String,
    ) -> Vec<Vec<String>> {
        let temp = |n: usize| temp(self.words[n]);
        let lines = self.statements.iter().map(|statement| match statement {
            Statement::Store(n, term) => {
                format!("mstore({}, {})", temp(*n), term.yul(leaf, constant, &temp, 1).0)
            }
            // The product reduces acc, so nothing else has to.
            Statement::Fold(term) => {
                format!("acc := add({}, mulmod(acc, y, r))", term.yul(leaf, constant, &temp, MAX_MULTIPLE - 1).0)
            }
        });
        let lines: Vec<String> = lines.collect();
        lines.chunks(CHUNK).map(<[_]>::to_vec).collect()
    }
}

impl Term {
    fn visit(&self, f: &mut dyn FnMut(&Term)) {
        f(self);
        match self {
            Term::Negated(a) => a.visit(f),
            Term::Sum(a, b) | Term::Product(a, b) => {
                a.visit(f);
                b.visit(f);
            }
            Term::Leaf(_) | Term::Constant(_) | Term::Temp(_) => {}
        }
    }

    /// The expression, and a multiple of r that its value does not exceed: at most `limit`, which is 1 to [`MAX_MULTIPLE`].
    ///
    /// Products reduce whatever they are given, so a sum is only reduced where its bound would leave the word or its reader
    /// asks for it.
    fn yul(
        &self,
        leaf: &dyn Fn(Leaf) -> String,
        constant: &dyn Fn(&[u8; 32]) -> String,
        temp: &dyn Fn(usize) -> String,
        limit: usize,
    ) -> (String, usize) {
        let operand = |term: &Term| term.yul(leaf, constant, temp, MAX_MULTIPLE);
        match self {
            Term::Leaf(l) => (leaf(*l), 1),
            Term::Constant(bytes) => (constant(bytes), 1),
            Term::Temp(n) => (format!("mload({})", temp(*n)), 1),
            // In 0..=r.
            Term::Negated(a) => (format!("sub(r, {})", a.yul(leaf, constant, temp, 1).0), 1),
            Term::Sum(a, b) => {
                let ((a, m), (b, n)) = (operand(a), operand(b));
                if m + n <= limit {
                    (format!("add({a}, {b})"), m + n)
                } else {
                    (format!("addmod({a}, {b}, r)"), 1)
                }
            }
            Term::Product(a, b) => (format!("mulmod({}, {}, r)", operand(a).0, operand(b).0), 1),
        }
    }
}

/// Gives virtual words whose lifetimes do not overlap the same word.
fn share_words(statements: &[Statement], temps: usize) -> (Vec<usize>, usize) {
    let mut last = vec![0; temps];
    for (i, statement) in statements.iter().enumerate() {
        let (Statement::Store(_, term) | Statement::Fold(term)) = statement;
        term.visit(&mut |term| {
            if let Term::Temp(n) = term {
                last[*n] = i;
            }
        });
    }
    let mut words = vec![0; temps];
    let (mut free, mut count) = (Vec::new(), 0);
    for (i, statement) in statements.iter().enumerate() {
        let (Statement::Store(_, term) | Statement::Fold(term)) = statement;
        let mut read = Vec::new();
        term.visit(&mut |term| {
            if let Term::Temp(n) = term {
                if last[*n] == i && !read.contains(n) {
                    read.push(*n);
                }
            }
        });
        free.extend(read.iter().map(|n| words[*n]));
        if let Statement::Store(n, _) = statement {
            words[*n] = free.pop().unwrap_or_else(|| {
                count += 1;
                count - 1
            });
        }
    }
    (words, count)
}
