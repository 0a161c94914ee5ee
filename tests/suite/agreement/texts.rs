//! Random texts, patterns, lists and networks.

use tickmark::model::condition::{Kind, Node};
use tickmark::model::schema::Type;
use tickmark::model::value::Constant;

use super::maker::{Maker, textual};

impl Maker<'_> {
    /// Any text, of use beside a column of the type.
    pub fn text(&mut self, depth: usize, beside: Type) -> Node {
        match self.random.below(if depth == 0 { 7 } else { 10 }) {
            0..=3 => match self.read(textual) {
                Some(node) => node,
                None => self.text(0, beside),
            },
            4 => {
                let name = self.random.pick(&["word", "used"]);
                self.node(Type::Text, Kind::Param(name.to_owned()))
            }
            5 | 6 => {
                let text = match beside {
                    Type::Enum(words) => self.random.pick(words),
                    Type::Fingerprint => "hmac:k1:aa",
                    _ => self.random.pick(&["a", "b", "A", "s0", "production", "used"]),
                };
                self.node(Type::Text, Kind::Literal(Constant::Text(text.to_owned())))
            }
            7 => {
                let inner = self.text(depth - 1, beside);
                // A fingerprint compares only as it stands.
                if inner.ty == Type::Fingerprint {
                    return inner;
                }
                self.node(Type::Text, Kind::Lower(Box::new(inner)))
            }
            _ => self.guarded(|maker| {
                maker.case(Type::Text, depth - 1, &mut |maker, depth| match maker.random.below(8) {
                    0 => maker.read(|ty| ty == Type::Address).unwrap_or_else(|| maker.text(depth, beside)),
                    _ => maker.text(depth, beside),
                })
            }),
        }
    }

    pub fn pattern(&mut self, depth: usize) -> Option<Node> {
        let text = Box::new(if self.random.chance(80) { self.read(textual)? } else { self.text(depth.min(1), Type::Text) });
        let kind = match self.random.below(3) {
            0 => {
                let pattern = self.random.pick(&["a%", "%b", "%", "a%b", "%a%b%", "A", "", "s%", "%0", "%\u{c4}%"]).to_owned();
                Kind::Like { left: text, pattern, negated: self.random.chance(35) }
            }
            1 => {
                let prefix = if self.random.chance(20) {
                    self.node(Type::Text, Kind::Param("word".to_owned()))
                } else {
                    let prefix = self.random.pick(&["a", "A", "s", "", "hmac:k1"]).to_owned();
                    self.node(Type::Text, Kind::Literal(Constant::Text(prefix)))
                };
                Kind::StartsWith { text, prefix: Box::new(prefix) }
            }
            _ => {
                let pattern = self.random.pick(&["^a", "b$", "a|b", "^[a-c]{1,2}$", "^a.b$", "", "^[^a]"]).to_owned();
                Kind::RegexpLike { text, pattern }
            }
        };
        Some(self.yes_no(kind))
    }

    pub fn list(&mut self) -> Option<Node> {
        if self.random.chance(75) {
            return self.read(|ty| ty == Type::List);
        }
        let name = self.random.pick(&["words", "nothing"]);
        Some(self.node(Type::List, Kind::Param(name.to_owned())))
    }

    pub fn contains(&mut self, depth: usize) -> Option<Node> {
        let list = Box::new(self.list()?);
        let item = Box::new(self.text(depth.min(1), Type::Text));
        Some(self.yes_no(Kind::Contains { list, item }))
    }

    pub fn in_network(&mut self) -> Option<Node> {
        let address = Box::new(self.read(|ty| ty == Type::Address)?);
        let networks = match self.path(|column| column.name == "expected_networks") {
            Some(path) if self.random.chance(80) => self.read_path(path),
            _ => {
                let name = self.random.pick(&["blocks", "nothing"]);
                self.node(Type::List, Kind::Param(name.to_owned()))
            }
        };
        Some(self.yes_no(Kind::InNetwork { address, networks: Box::new(networks) }))
    }
}
