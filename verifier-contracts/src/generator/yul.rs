//! Writing Yul: indented lines, functions, loops unrolled by a small factor.

/// Copies of a loop's body per turn: a turn's overhead is about that of the body.
const UNROLL: usize = 4;

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

    /// Runs `body` for `count` words from the address `start` on, upwards. `body` gets an expression
    /// for the address; `p` is the loop's variable.
    pub(super) fn words_up(&mut self, start: usize, count: usize, body: impl Fn(&mut Writer, &str)) {
        let first = count % UNROLL;
        for i in 0..first {
            body(self, &hex(start + 32 * i));
        }
        if count == first {
            return;
        }
        let (from, to) = (start + 32 * first, start + 32 * count);
        let step = 32 * UNROLL;
        let head = format!("for {{ let p := {from:#x} }} lt(p, {to:#x}) {{ p := add(p, {step:#x}) }}");
        self.block(head, |w| {
            for i in 0..UNROLL {
                body(w, &offset("p", 32 * i));
            }
        });
    }

    /// The same downwards, from the last word to the first.
    pub(super) fn words_down(&mut self, start: usize, count: usize, body: impl Fn(&mut Writer, &str)) {
        let last = count % UNROLL;
        if count > last {
            let (from, to) = (start + 32 * (count - UNROLL), start + 32 * last);
            let step = 32 * UNROLL;
            let head = format!("for {{ let p := {from:#x} }} iszero(lt(p, {to:#x})) {{ p := sub(p, {step:#x}) }}");
            self.block(head, |w| {
                for i in (0..UNROLL).rev() {
                    body(w, &offset("p", 32 * i));
                }
            });
        }
        for i in (0..last).rev() {
            body(self, &hex(start + 32 * i));
        }
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// `base + n` as an expression.
pub(super) fn offset(base: &str, n: usize) -> String {
    if n == 0 {
        base.to_string()
    } else if let Some(address) = base.strip_prefix("0x") {
        // Literals are ours: they parse.
        let address = usize::from_str_radix(address, 16).unwrap_or_default();
        hex(address + n)
    } else {
        format!("add({base}, {n:#x})")
    }
}

/// `base + n` for a base that may already be a sum, n of any sign.
pub(super) fn shifted(base: &str, n: isize) -> String {
    if let Some(address) = base.strip_prefix("0x") {
        let address = isize::from_str_radix(address, 16).unwrap_or_default();
        return format!("{:#x}", address + n);
    }
    let inner = base.strip_prefix("add(p, 0x").and_then(|s| s.strip_suffix(')'));
    let (base, n) = match inner.and_then(|s| isize::from_str_radix(s, 16).ok()) {
        Some(m) => ("p", n + m),
        None => (base, n),
    };
    match n {
        0 => base.to_string(),
        n if n > 0 => format!("add({base}, {n:#x})"),
        n => format!("sub({base}, {:#x})", -n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded() {
        assert_eq!(offset("0x20", 0x40), "0x60");
        assert_eq!(offset("p", 0x40), "add(p, 0x40)");
        assert_eq!(shifted("add(p, 0x40)", -0x60), "sub(p, 0x20)");
        assert_eq!(shifted("add(p, 0x40)", -0x40), "p");
        assert_eq!(shifted("0x100", -0x20), "0xe0");
    }

    #[test]
    fn a_loop_covers_every_word_once() {
        let mut w = Writer::new(0);
        w.words_up(0x100, 6, |w, p| w.line(p));
        let text = w.finish();
        assert!(text.starts_with("0x100\n0x120\nfor { let p := 0x140 } lt(p, 0x1c0)"), "{text}");
        let mut w = Writer::new(0);
        w.words_down(0x100, 6, |w, p| w.line(p));
        let text = w.finish();
        assert!(text.starts_with("for { let p := 0x140 } iszero(lt(p, 0x140))"), "{text}");
        assert!(text.ends_with("}\n0x120\n0x100\n"), "{text}");
    }
}
