//! `register.csv`: every consumer with its owner and each of its credentials, in one list that people can review.

use std::collections::BTreeMap;

use super::reading::{Reading, Values, uses};
use super::{ReportError, escape};
use crate::model::table::Evidence;
use crate::model::value::Time;

/// The header. `consumer` to `environment` speak of the identity, `credential` to `evidence` of one credential of it.
const HEADER: [&str; 19] = [
    "consumer",
    "name",
    "kind",
    "status",
    "owner",
    "party",
    "environment",
    "scopes",
    "credential",
    "credential_kind",
    "credential_status",
    "issued",
    "rotated",
    "expires",
    "revoked",
    "last_used",
    "last_seen_in_log",
    "log",
    "evidence",
];

/// How many grants a cell names before it counts the rest.
const GRANTS: usize = 40;

/// The CSV: a line for each credential, sorted by consumer, and one for each consumer without a credential. A credential whose
/// identity is in no inventory stands under the text that names it; one without any stands first, under nothing.
///
/// # Errors
/// [`ReportError::Csv`] if it cannot be written; memory is the only limit.
pub fn csv(evidence: &Evidence) -> Result<Vec<u8>, ReportError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    if let (Some(identities), Some(credentials)) = (Reading::of(evidence, "identity"), Reading::of(evidence, "credential")) {
        let register = Register {
            evidence,
            identities,
            credentials,
            events: Reading::of(evidence, "event"),
            of_identity: ["name", "kind", "status", "owner", "third_party", "environment"].map(|column| identities.values(column)),
            of_credential: ["kind", "status", "issued_at", "rotated_at", "expires_at", "revoked_at", "last_used_at"]
                .map(|column| credentials.values(column)),
            scopes: scopes(evidence),
            seen: seen(evidence),
        };
        for (consumer, row, held) in register.consumers() {
            let known = register.consumer(consumer, row);
            if held.is_empty() {
                let without = (known.len() + 1..HEADER.len()).map(|_| String::new());
                writer.write_record(known.iter().map(|cell| escape::cell(cell)).chain(["none is known".to_owned()]).chain(without))?;
            }
            for credential in held {
                writer.write_record(known.iter().chain(&register.credential(credential)).map(|cell| escape::cell(cell)))?;
            }
        }
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

struct Register<'a> {
    evidence: &'a Evidence,
    identities: Reading<'a>,
    credentials: Reading<'a>,
    events: Option<Reading<'a>>,
    /// Columns of the two, in the order of the header.
    of_identity: [Option<Values<'a>>; 6],
    of_credential: [Option<Values<'a>>; 7],
    /// Identity → its grants, in words.
    scopes: BTreeMap<&'a str, Vec<String>>,
    /// Credential → its last successful use in a log, and where that stands.
    seen: BTreeMap<&'a str, (Time, usize)>,
}

impl<'a> Register<'a> {
    /// Every consumer by id: its row in the inventory, and the rows of its credentials.
    fn consumers(&self) -> Vec<(&'a str, Option<usize>, Vec<usize>)> {
        let mut held: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let holder = self.credentials.values("identity");
        for row in 0..self.credentials.rows() {
            held.entry(holder.and_then(|values| values.text(row)).unwrap_or("")).or_default().push(row);
        }
        let mut all: BTreeMap<&str, (Option<usize>, Vec<usize>)> = BTreeMap::new();
        let ids = self.identities.values("id");
        for row in 0..self.identities.rows() {
            if let Some(id) = ids.and_then(|values| values.text(row)) {
                all.insert(id, (Some(row), held.remove(id).unwrap_or_default()));
            }
        }
        all.extend(held.into_iter().map(|(id, rows)| (id, (None, rows))));
        all.into_iter().map(|(id, (row, rows))| (id, row, rows)).collect()
    }

    fn consumer(&self, id: &str, row: Option<usize>) -> Vec<String> {
        let mut cells = vec![id.to_owned()];
        cells.extend(self.of_identity.map(|values| row.map_or_else(|| "not in the inventory".to_owned(), |row| printed(values, row))));
        let scopes = self.scopes.get(id).map_or(&[][..], Vec::as_slice);
        let more = scopes.len().saturating_sub(GRANTS);
        let mut text = scopes.iter().take(GRANTS).cloned().collect::<Vec<_>>().join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        cells.push(text);
        cells
    }

    fn credential(&self, row: usize) -> Vec<String> {
        let id = self.credentials.values("id").and_then(|values| values.text(row)).unwrap_or("");
        let mut cells = vec![id.to_owned()];
        cells.extend(self.of_credential.map(|values| printed(values, row)));
        let seen = self.seen.get(id);
        cells.push(seen.map_or_else(String::new, |(at, _)| at.to_string()));
        cells.push(match seen.and_then(|(_, event)| Some(self.events?.told_places(*event))) {
            Some(place) => place,
            None => self.coverage(row),
        });
        cells.push(self.credentials.told_places(row));
        cells
    }

    /// What the logs of use of the systems cover where the credential works.
    fn coverage(&self, row: usize) -> String {
        let accepted = self.credentials.values("accepted_at").map_or_else(Vec::new, |values| values.members(row));
        let own = self.credentials.values("system").and_then(|values| values.text(row));
        let systems = if accepted.is_empty() { own.into_iter().collect() } else { accepted };
        let told: Vec<String> = systems
            .into_iter()
            .map(|system| match self.evidence.logs.stretches.get(&(system.to_owned(), "used".to_owned())) {
                Some(stretches) if !stretches.is_empty() => {
                    let spans: Vec<String> = stretches.iter().map(|(from, until)| format!("{from} to {until}")).collect();
                    format!("no use in the log of {system}, complete from {}", spans.join(", from "))
                }
                _ => format!("no complete log of use of {system}"),
            })
            .collect();
        told.join("; ")
    }
}

fn printed(values: Option<Values<'_>>, row: usize) -> String {
    values.map_or_else(String::new, |values| values.printed(row))
}

/// Identity → each of its grants as `name: actions on resource`, sorted.
fn scopes(evidence: &Evidence) -> BTreeMap<&str, Vec<String>> {
    let mut scopes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let Some(grants) = Reading::of(evidence, "grant") else { return scopes };
    let column = |name| grants.values(name);
    let (holder, name, resource, actions) = (column("identity"), column("name"), column("resource"), column("actions"));
    let text = |values: Option<Values<'_>>, row| values.and_then(|values| values.text(row)).map(str::to_owned);
    for row in 0..grants.rows() {
        let Some(identity) = holder.and_then(|values| values.text(row)) else { continue };
        let mut told = text(name, row).unwrap_or_else(|| "unnamed".to_owned());
        let actions = actions.map_or_else(Vec::new, |values| values.members(row));
        if !actions.is_empty() {
            told.push_str(&format!(": {}", actions.join(", ")));
        }
        if let Some(resource) = text(resource, row) {
            told.push_str(&format!(" on {resource}"));
        }
        scopes.entry(identity).or_default().push(told);
    }
    for told in scopes.values_mut() {
        told.sort();
        told.dedup();
    }
    scopes
}

/// Credential → the time and row of its last successful use that a log tells.
fn seen(evidence: &Evidence) -> BTreeMap<&str, (Time, usize)> {
    let mut seen: BTreeMap<&str, (Time, usize)> = BTreeMap::new();
    for (credential, at, row) in uses(evidence) {
        let last = seen.entry(credential).or_insert((at, row));
        if at > last.0 {
            *last = (at, row);
        }
    }
    seen
}
