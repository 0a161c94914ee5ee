//! Values, intervals, three-valued logic, order and arithmetic.

use tickmark::model::condition::Op;
use tickmark::model::value::FAR;

/// True, false, or (`None`) unknown.
pub type Truth = Option<bool>;

pub fn not(truth: Truth) -> Truth {
    truth.map(|yes| !yes)
}

/// Kleene's AND: one false decides, else one unknown does.
pub fn and(truths: impl IntoIterator<Item = Truth>) -> Truth {
    let mut all = Some(true);
    for truth in truths {
        all = match (all, truth) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (None, _) | (_, None) => None,
            _ => Some(true),
        };
    }
    all
}

/// Kleene's OR.
pub fn or(truths: impl IntoIterator<Item = Truth>) -> Truth {
    not(and(truths.into_iter().map(not)))
}

/// What an expression comes to on one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Text, an enumeration's word, an address, a fingerprint.
    Text(String),
    Bool(bool),
    /// A number, time or duration that lies between the two, ends included. Known exactly: both are the same.
    /// `never` is `FAR` or `-FAR`.
    Span(i64, i64),
    List(Vec<Option<String>>),
    None,
    Unknown,
}

impl Value {
    pub fn exactly(number: i64) -> Value {
        Value::Span(number, number)
    }

    /// Whether it is one value: neither unknown nor a stretch of numbers.
    pub fn is_exact(&self) -> bool {
        match self {
            Value::Unknown => false,
            Value::Span(low, high) => low == high,
            _ => true,
        }
    }

    pub fn of(truth: Truth) -> Value {
        truth.map_or(Value::Unknown, Value::Bool)
    }
}

/// `a op b` where neither is none.
pub fn compare(op: Op, a: &Value, b: &Value) -> Truth {
    match (a, b) {
        (Value::Unknown | Value::None, _) | (_, Value::Unknown | Value::None) => None,
        (Value::Span(a_low, a_high), Value::Span(b_low, b_high)) => match op {
            Op::Lt => surely(a_high < b_low, a_low >= b_high),
            Op::Le => surely(a_high <= b_low, a_low > b_high),
            Op::Gt => surely(a_low > b_high, a_high <= b_low),
            Op::Ge => surely(a_low >= b_high, a_high < b_low),
            Op::Eq => surely(a_low == a_high && b_low == b_high && a_low == b_low, a_high < b_low || b_high < a_low),
            Op::Ne => not(compare(Op::Eq, &Value::Span(*a_low, *a_high), &Value::Span(*b_low, *b_high))),
        },
        (a, b) => match op {
            Op::Eq => Some(a == b),
            Op::Ne => Some(a != b),
            _ => panic!("only numbers, times and durations have an order: {a:?} {op:?} {b:?}"),
        },
    }
}

fn surely(yes: bool, no: bool) -> Truth {
    if yes {
        Some(true)
    } else if no {
        Some(false)
    } else {
        None
    }
}

/// `a + b` or `a - b`, end by end.
pub fn add(minus: bool, a: &Value, b: &Value) -> Value {
    let (Value::Span(a_low, a_high), Value::Span(b_low, b_high)) = (a, b) else { return Value::Unknown };
    let ends = if minus { (sum(*a_low, -b_high), sum(*a_high, -b_low)) } else { (sum(*a_low, *b_low), sum(*a_high, *b_high)) };
    match ends {
        (Some(low), Some(high)) => Value::Span(low, high),
        _ => Value::Unknown,
    }
}

/// What is infinitely far stays there; two infinities of different signs, and what grows too large, have no sum.
fn sum(a: i64, b: i64) -> Option<i64> {
    let side = |n: i64| if n == FAR || n == -FAR { n } else { 0 };
    match (side(a), side(b)) {
        (0, 0) => a.checked_add(b).filter(|sum| -FAR < *sum && *sum < FAR),
        (far, 0) | (0, far) => Some(far),
        (one, other) if one == other => Some(one),
        _ => None,
    }
}
