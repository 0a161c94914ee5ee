//! Values as a person reads them.

use arrow_array::{Array, ListArray, StringArray};

use super::world::World;
use crate::model::row::scalar;
use crate::model::schema::{SCHEMA, Type};
use crate::model::value::FAR;

/// How many values of a contradiction, or members of a list, are shown.
pub const SHOWN: usize = 12;

/// A known value as a person reads it.
#[must_use]
pub fn show(world: &World, table: usize, column: usize, row: usize) -> String {
    let ty = SCHEMA[table].columns[column].ty;
    let values = &world.column(table, column).values;
    let any = values.as_any();
    if let Some(ints) = any.downcast_ref::<arrow_array::Int64Array>() {
        return scalar(ty, ints.value(row));
    }
    if let Some(bools) = any.downcast_ref::<arrow_array::BooleanArray>() {
        return bools.value(row).to_string();
    }
    if let Some(lists) = any.downcast_ref::<ListArray>() {
        let items = lists.value(row);
        let texts = items.as_any().downcast_ref::<StringArray>();
        let mut shown: Vec<String> =
            texts.into_iter().flat_map(|texts| texts.iter()).take(SHOWN).map(|text| text.unwrap_or("?").to_owned()).collect();
        if items.len() > SHOWN {
            shown.push(format!("and {} more", items.len() - SHOWN));
        }
        return shown.join(", ");
    }
    any.downcast_ref::<StringArray>().map_or_else(String::new, |texts| texts.value(row).to_owned())
}

/// Both ends of an interval as a person reads them.
#[must_use]
pub fn ends(ty: Type, lower: Option<i64>, upper: Option<i64>) -> String {
    match (lower, upper) {
        (Some(lower), Some(upper)) if lower <= -FAR && upper >= FAR => "unknown".to_owned(),
        (Some(lower), Some(upper)) if lower == upper && lower.abs() >= FAR => "never".to_owned(),
        (Some(lower), Some(upper)) if lower == upper => scalar(ty, lower),
        (Some(lower), Some(upper)) if upper >= FAR => format!("at least {}", scalar(ty, lower)),
        (Some(lower), Some(upper)) if lower <= -FAR => format!("at most {}", scalar(ty, upper)),
        (Some(lower), Some(upper)) => format!("{} to {}", scalar(ty, lower), scalar(ty, upper)),
        _ => "unknown".to_owned(),
    }
}
