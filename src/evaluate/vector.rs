//! Values over many rows at once: Arrow arrays in which null is unknown, beside a bitmap of the rows that are `none`.
//!
//! A time's `never` is a value on the far side (`±FAR`), saturating at every step (SEMANTICS §1.2).

use std::sync::Arc;

use arrow_arith::arity;
use arrow_array::{Array, ArrayRef, BooleanArray, Datum, Int64Array, Scalar, StringArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_ord::cmp;
use arrow_schema::ArrowError;

use super::kleene::{Tri, Truth};
use crate::model::condition::Op;
use crate::model::value::FAR;

/// One value per row, or one for all.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Null: unknown, or `none` where the bitmap says so. For an interval, its lower ends.
    pub values: ArrayRef,
    /// The upper ends, where a subquery leaves an interval; null where `values` is.
    pub upper: Option<ArrayRef>,
    /// Rows that are `none`.
    pub none: Option<BooleanBuffer>,
    /// One value that stands for every row; the arrays have length 1.
    pub scalar: bool,
}

impl Vector {
    #[must_use]
    pub fn scalar(values: ArrayRef) -> Vector {
        Vector { values, upper: None, none: None, scalar: true }
    }

    #[must_use]
    pub fn exact(values: ArrayRef, none: Option<BooleanBuffer>) -> Vector {
        Vector { values, upper: None, none, scalar: false }
    }

    /// The index of a row's value in the arrays.
    #[must_use]
    pub fn at(&self, row: usize) -> usize {
        if self.scalar { 0 } else { row }
    }

    #[must_use]
    pub fn is_none(&self, row: usize) -> bool {
        self.none.as_ref().is_some_and(|none| none.value(self.at(row)))
    }

    /// A text; `None`: unknown or `none`.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&str> {
        let row = self.at(row);
        let texts = self.values.as_any().downcast_ref::<StringArray>()?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// A number, time or duration, or the lower end of an interval of them.
    #[must_use]
    pub fn int(&self, row: usize) -> Option<i64> {
        int_at(&self.values, self.at(row))
    }

    /// The upper end; equal to [`Vector::int`] where the value is exact.
    #[must_use]
    pub fn upper_int(&self, row: usize) -> Option<i64> {
        int_at(self.upper.as_ref().unwrap_or(&self.values), self.at(row))
    }

    /// The number, where it is one; an interval is none.
    #[must_use]
    pub fn exact_int(&self, row: usize) -> Option<i64> {
        self.int(row).filter(|least| self.upper_int(row) == Some(*least))
    }

    #[must_use]
    pub fn bool(&self, row: usize) -> Option<bool> {
        let row = self.at(row);
        let bools = self.values.as_any().downcast_ref::<BooleanArray>()?;
        bools.is_valid(row).then(|| bools.value(row))
    }

    /// A boolean vector as truth; `none` is unknown (SEMANTICS §1.3).
    #[must_use]
    pub fn truth(&self, rows: usize) -> Truth {
        match self.values.as_any().downcast_ref::<BooleanArray>() {
            Some(_) if self.scalar => Truth::all(rows, self.bool(0).map_or(Tri::Unknown, Tri::of)),
            Some(bools) => Truth::from_array(bools),
            None => Truth::all(rows, Tri::Unknown),
        }
    }

    fn datum(&self, upper: bool) -> Box<dyn Datum> {
        let array = if upper { self.upper.as_ref().unwrap_or(&self.values) } else { &self.values };
        if self.scalar { Box::new(Scalar::new(Arc::clone(array))) } else { Box::new(Arc::clone(array)) }
    }
}

fn int_at(array: &ArrayRef, row: usize) -> Option<i64> {
    let ints = array.as_any().downcast_ref::<Int64Array>()?;
    ints.is_valid(row).then(|| ints.value(row))
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<BooleanArray, ArrowError>;

/// `left op right`, unknown where either side is null. `none` is for the caller.
#[must_use]
pub fn compare(op: Op, left: &Vector, right: &Vector, rows: usize) -> Truth {
    let run = |kernel: Kernel, left_upper: bool, right_upper: bool| -> Truth {
        match kernel(&*left.datum(left_upper), &*right.datum(right_upper)) {
            Ok(array) if left.scalar && right.scalar => {
                Truth::all(rows, if array.is_valid(0) { Tri::of(array.value(0)) } else { Tri::Unknown })
            }
            Ok(array) => Truth::from_array(&array),
            Err(_) => Truth::all(rows, Tri::Unknown),
        }
    };
    if left.upper.is_none() && right.upper.is_none() {
        let kernel: Kernel = match op {
            Op::Eq => cmp::eq,
            Op::Ne => cmp::neq,
            Op::Lt => cmp::lt,
            Op::Le => cmp::lt_eq,
            Op::Gt => cmp::gt,
            Op::Ge => cmp::gt_eq,
        };
        return run(kernel, false, false);
    }
    // An interval is surely before another if its upper end is before the other's lower end.
    match op {
        Op::Lt => sure(&run(cmp::lt, true, false), &run(cmp::gt_eq, false, true)),
        Op::Le => sure(&run(cmp::lt_eq, true, false), &run(cmp::gt, false, true)),
        Op::Gt => sure(&run(cmp::gt, false, true), &run(cmp::lt_eq, true, false)),
        Op::Ge => sure(&run(cmp::gt_eq, false, true), &run(cmp::lt, true, false)),
        Op::Eq | Op::Ne => {
            let one = run(cmp::eq, false, true).and(&run(cmp::eq, true, false));
            let apart = run(cmp::lt, true, false).or(&run(cmp::gt, false, true));
            sure(&one, &apart).negated(op == Op::Ne)
        }
    }
}

fn sure(yes: &Truth, no: &Truth) -> Truth {
    Truth { yes: yes.yes.clone(), no: no.yes.clone() }
}

/// `a + b` or `a - b` where `±FAR` absorbs; `None`: unknown (SEMANTICS §1.2).
#[must_use]
pub fn saturating(minus: bool, a: i64, b: i64) -> Option<i64> {
    let b = if minus { -b } else { b };
    match (a.abs() >= FAR, b.abs() >= FAR) {
        (false, false) => a.checked_add(b).filter(|sum| sum.abs() < FAR),
        (true, false) => Some(a),
        (false, true) => Some(b),
        (true, true) => (a == b).then_some(a),
    }
}

/// Sum or difference, row by row; intervals end by end. Unknown and `none` make it unknown.
#[must_use]
pub fn arithmetic(minus: bool, left: &Vector, right: &Vector, rows: usize) -> Vector {
    let ends = |left_upper: bool, right_upper: bool| -> ArrayRef {
        let pick = |vector: &Vector, upper: bool, row: usize| if upper { vector.upper_int(row) } else { vector.int(row) };
        if !left.scalar && right.scalar {
            // One side for all rows: a kernel over the other.
            let array = if left_upper { left.upper.as_ref().unwrap_or(&left.values) } else { &left.values };
            if let (Some(ints), Some(b)) = (array.as_any().downcast_ref::<Int64Array>(), pick(right, right_upper, 0)) {
                return Arc::new(unary_checked(ints, |a| saturating(minus, a, b)));
            }
        }
        let count = if left.scalar && right.scalar { 1 } else { rows };
        let values: Int64Array = (0..count)
            .map(|row| pick(left, left_upper, row).zip(pick(right, right_upper, row)).and_then(|(a, b)| saturating(minus, a, b)))
            .collect();
        Arc::new(values)
    };
    let lower = ends(false, minus);
    let upper = (left.upper.is_some() || right.upper.is_some()).then(|| ends(true, !minus));
    let (values, upper) = match upper {
        None => (lower, None),
        Some(upper) => {
            // An interval with an unknown end is unknown.
            let nulls = NullBuffer::union(lower.nulls(), upper.nulls());
            (with_nulls(&lower, nulls.clone()), Some(with_nulls(&upper, nulls)))
        }
    };
    Vector { values, upper, none: None, scalar: left.scalar && right.scalar }
}

fn unary_checked(ints: &Int64Array, f: impl Fn(i64) -> Option<i64>) -> Int64Array {
    // FAR is out of reach of any known value, so that the fast kernel is exact unless a row says otherwise.
    if ints.iter().flatten().all(|a| f(a).is_some()) {
        arity::unary(ints, |a| f(a).unwrap_or(0))
    } else {
        ints.iter().map(|a| a.and_then(&f)).collect()
    }
}

fn with_nulls(array: &ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    match array.as_any().downcast_ref::<Int64Array>() {
        Some(ints) => Arc::new(Int64Array::new(ints.values().clone(), nulls)),
        None => Arc::clone(array),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_absorbs_and_two_fars_apart_are_unknown() {
        assert_eq!(saturating(false, FAR, 5), Some(FAR));
        assert_eq!(saturating(true, 5, FAR), Some(-FAR));
        assert_eq!(saturating(true, FAR, FAR), None);
        assert_eq!(saturating(true, FAR, -FAR), Some(FAR));
        assert_eq!(saturating(false, FAR - 1, FAR - 1), None);
    }
}
