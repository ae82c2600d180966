//! Writing Yul: indented lines, blocks, and expressions nested so that they cost no assignments.

/// Bytes of a word.
pub(super) const WORD: usize = 32;

/// Checks in one expression: what is nested deeper makes compilers slow.
const CHECKS: usize = 16;

/// An address or small number as a hexadecimal literal.
pub(super) fn hex(n: usize) -> String {
    format!("{n:#x}")
}

/// `mload` of a fixed address.
pub(super) fn load(at: usize) -> String {
    format!("mload({at:#x})")
}

/// Lines of Yul at a depth of indentation.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    /// Starts at `depth` levels of four spaces.
    pub(super) fn new(depth: usize) -> Self {
        Writer { text: String::new(), depth }
    }

    /// One line, or several at the same depth.
    pub(super) fn line(&mut self, lines: impl AsRef<str>) {
        for line in lines.as_ref().lines() {
            if !line.trim().is_empty() {
                self.text.push_str(&"    ".repeat(self.depth));
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
    }

    /// `head { … }`.
    pub(super) fn block(&mut self, head: impl AsRef<str>, body: impl FnOnce(&mut Writer)) {
        self.line(format!("{} {{", head.as_ref()));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Declares `name`, which is 1 where all `checks` are 1: nested, so that a check costs no assignment.
pub(super) fn all(w: &mut Writer, name: &str, checks: &[String]) {
    w.line(format!("let {name} := 1"));
    for checks in checks.chunks(CHECKS) {
        let all = checks.iter().fold(name.to_string(), |all, check| format!("and({check}, {all})"));
        w.line(format!("{name} := {all}"));
    }
}

/// Runs `body` for `count` words from the address `start` on; its variable is `p`.
pub(super) fn words(w: &mut Writer, start: usize, count: usize, body: impl Fn(&mut Writer)) {
    let end = start + 32 * count;
    let head = format!("for {{ let p := {start:#x} }} lt(p, {end:#x}) {{ p := add(p, 0x20) }}");
    w.block(head, body);
}

/// The sum of `terms`, unreduced; operands are evaluated from the right, so the stack does not grow.
pub(super) fn sum(terms: &[String]) -> String {
    let Some((first, rest)) = terms.split_first() else { return "0".to_string() };
    rest.iter().fold(first.clone(), |sum, term| format!("add({term}, {sum})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_and_sums_nest_to_the_right() {
        let mut w = Writer::new(0);
        all(&mut w, "good", &["a".to_string(), "b".to_string()]);
        assert_eq!(w.finish(), "let good := 1\ngood := and(b, and(a, good))\n");
        assert_eq!(sum(&["a".to_string(), "b".to_string(), "c".to_string()]), "add(c, add(b, a))");
        assert_eq!(sum(&[]), "0");
    }
}
